import { type ReactNode, useEffect, useId, useMemo, useState } from 'react';
import { cleanAddress } from './address.js';
import { ConfirmForm } from './confirm-form.js';
import { useAction, useRecurringPayment, useStore } from './hooks.js';
import { type SavedPaymentMethod, setDefaultPaymentMethod } from './methods.js';
import { formatMoney } from './money.js';
import type { InitiateRecurringPaymentInput } from './operations.js';
import { ActionButton, ErrorText, Status } from './parts.js';
import { continuePayment } from './payments.js';
import { useSurroundings } from './provider.js';
import { initiateRecurringPayment, type RecurringAnswer, type RecurringPayment } from './recurring.js';
import { SavedMethods } from './saved-methods.js';
import { hasEnded, isOpen } from './statuses.js';
import { recurringOfOrderStore } from './stores.js';
import { fill, type Texts } from './texts.js';

/** What is charged again and again; see `InitiateRecurringPaymentInput`. */
export interface RecurringCheckoutProps {
  readonly orderId: string;
  readonly priceId: string;
  readonly quantity?: number;
  /** Whether kept cards are offered; needs PAYMENT_METHOD_MANAGE. True unless given. */
  readonly savedMethods?: boolean;
  /** Whether Stripe's own page is offered too. True unless given. */
  readonly hostedPage?: boolean;
  /** Where bank and hosted page send the person back to; this page unless given. */
  readonly returnUrl?: string;
  /** Says what is bought, before it has begun. */
  readonly children?: ReactNode;
}

/** A client secret, and what it confirms. */
type Begun = Pick<RecurringAnswer, 'clientSecret' | 'clientSecretType' | 'publishableKey'> & {
  readonly asksBank: boolean;
};

const OVERDUE: readonly string[] = ['PAST_DUE', 'UNPAID'];

/**
 * A recurring payment from the first click to the first charge, and from a failed renewal to its payment. It shows only what
 * the server has confirmed, live. Looked at twice it is one: the server keeps one for each order.
 */
export const RecurringCheckout = (props: RecurringCheckoutProps) => {
  const { client, texts, locale } = useSurroundings();
  const titleId = useId();
  const found = useStore(useMemo(() => recurringOfOrderStore(client, props.orderId), [client, props.orderId]));
  const [startedId, setStartedId] = useState<string>();
  const [begun, setBegun] = useState<Begun>();
  const id = startedId ?? found.value?.id;
  const watched = useRecurringPayment(id);
  const recurring = watched.rows[0] ?? found.value ?? undefined;
  const status = recurring?.status;
  // What was begun is done once it charges by itself.
  useEffect(() => {
    if (status === 'ACTIVE' || status === 'TRIALING') setBegun(undefined);
  }, [status]);
  return (
    <section
      className="tollgate"
      aria-labelledby={titleId}
      data-recurring={recurring?.id}
      data-version={recurring?.version}
    >
      <h2 className="tollgate-title" id={titleId}>
        {recurring ? formatMoney(recurring.initialAmount, recurring.currency, locale) : texts['recurring.title']}{' '}
        {recurring && <Status of={recurring.status} />}
      </h2>
      <ErrorText error={found.error ?? watched.error} />
      {recurring && <Outlook recurring={recurring} />}
      {found.value !== undefined || startedId !== undefined ? (
        <Steps {...props} recurring={recurring} begun={begun} onStarted={setStartedId} onBegun={setBegun} />
      ) : (
        !found.error && <p className="tollgate-soft">{texts.loading}</p>
      )}
    </section>
  );
};

/** When the next charge comes, or that none does. */
const Outlook = ({ recurring }: { readonly recurring: RecurringPayment }) => {
  const { texts, locale } = useSurroundings();
  const outlook = outlookOf(recurring, texts, locale);
  return (
    <div aria-live="polite" hidden={outlook === ''}>
      <p className="tollgate-text">{outlook}</p>
    </div>
  );
};

const outlookOf = (recurring: RecurringPayment, texts: Texts, locale: string): string => {
  const { status, cancelAtPeriodEnd, currentPeriodEnd, collectionPaused } = recurring;
  if (hasEnded(recurring)) return texts['recurring.ended'];
  if (OVERDUE.includes(status)) return texts['recurring.retry'];
  if (currentPeriodEnd === null || status === 'INCOMPLETE') return '';
  if (collectionPaused) return texts['status.PAUSED'];
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(new Date(currentPeriodEnd));
  return fill(texts[cancelAtPeriodEnd ? 'recurring.ends' : 'recurring.next'], { date });
};

type StepsProps = RecurringCheckoutProps & {
  readonly recurring: RecurringPayment | undefined;
  readonly begun: Begun | undefined;
  readonly onStarted: (id: string) => void;
  readonly onBegun: (begun: Begun) => void;
};

const Steps = (props: StepsProps) => {
  const { recurring, begun } = props;
  const needsStart = !recurring || recurring.status === 'INCOMPLETE';
  const isOverdue = recurring && OVERDUE.includes(recurring.status);
  if (!needsStart && !isOverdue) return null;
  if (begun?.clientSecret != null)
    return (
      <>
        {needsStart && <LastFailure recurring={recurring} />}
        <ConfirmForm
          clientSecret={begun.clientSecret}
          type={begun.clientSecretType ?? 'PAYMENT'}
          publishableKey={begun.publishableKey}
          currency={undefined} // bank debits are left out here
          returnUrl={props.returnUrl ?? cleanAddress()}
          asksBank={begun.asksBank}
        />
      </>
    );
  return needsStart ? <Start {...props} /> : <PayOverdue {...props} recurring={recurring} />;
};

const LastFailure = ({ recurring }: { readonly recurring: RecurringPayment | undefined }) => {
  const { texts } = useSurroundings();
  const failed = recurring?.payments.edges.find(({ node }) => node.status === 'FAILED')?.node;
  return failed ? (
    <p className="tollgate-text" aria-live="polite">
      {failed.failureMessage} {texts['means.FAILED']}
    </p>
  ) : null;
};

/** Starts it; again for one that was begun and not paid, it goes on with that. */
const Start = (props: StepsProps) => {
  const { orderId, priceId, quantity, savedMethods = true, hostedPage = true } = props;
  const { client, texts } = useSurroundings();
  const start = async (more: Partial<InitiateRecurringPaymentInput>): Promise<void> => {
    const input = { orderId, priceId, ...(quantity !== undefined && { quantity }), ...more };
    const answer = await initiateRecurringPayment(client, input);
    if (answer.checkoutUrl !== null) return location.assign(answer.checkoutUrl);
    props.onStarted(answer.recurringPayment.id);
    props.onBegun({ ...answer, asksBank: more.paymentMethodId != null });
  };
  const back = props.returnUrl ?? (typeof location === 'undefined' ? undefined : cleanAddress());
  const byCard = useAction(() => start({ mode: 'ELEMENTS' }));
  const byPage = useAction(() => start({ mode: 'CHECKOUT', successUrl: back, cancelUrl: back }));
  return (
    <>
      {props.children}
      <p className="tollgate-text">{texts['recurring.start']}</p>
      {savedMethods && <SavedMethods pay={({ id }) => start({ paymentMethodId: id })} />}
      <div className="tollgate-row">
        <ActionButton action={byCard} look="primary">
          {texts['recurring.card']}
        </ActionButton>
        {hostedPage && <ActionButton action={byPage}>{texts['recurring.page']}</ActionButton>}
      </div>
      <ErrorText error={byCard.error ?? byPage.error} />
    </>
  );
};

/** Pays a renewal that failed, with a kept card or another one. */
const PayOverdue = (props: StepsProps & { readonly recurring: RecurringPayment }) => {
  const { recurring, savedMethods = true } = props;
  const { client, texts } = useSurroundings();
  const open = recurring.payments.edges.map(({ node }) => node).find(isOpen);
  const byCard = useAction(async () => {
    if (open) props.onBegun({ ...(await continuePayment(client, open.id)), asksBank: false });
  });
  const payWith = ({ id }: SavedPaymentMethod) =>
    setDefaultPaymentMethod(client, { id, recurringPaymentId: recurring.id });
  if (!open) return null;
  return (
    <>
      <p className="tollgate-text">{open.failureMessage}</p>
      {savedMethods && <SavedMethods pay={payWith} />}
      <div className="tollgate-row">
        <ActionButton action={byCard} look="primary">
          {texts['pay.card']}
        </ActionButton>
      </div>
      <ErrorText error={byCard.error} />
    </>
  );
};
