import { type ReactNode, useEffect, useId, useState } from 'react';
import { cleanAddress } from './address.js';
import { ConfirmForm } from './confirm-form.js';
import { useAction, useOrderPayments, usePay } from './hooks.js';
import type { SavedPaymentMethod } from './methods.js';
import { formatMoney } from './money.js';
import type { PayInput } from './operations.js';
import { ActionButton, AskingButton, ErrorText, Status, Tick } from './parts.js';
import { cancelPayment, type PayAnswer, type Payment } from './payments.js';
import { useSurroundings } from './provider.js';
import { SavedMethods } from './saved-methods.js';
import { isOpen, takesMethod } from './statuses.js';
import { fill, textOf } from './texts.js';

/** What is paid, and how; see `PayInput`. */
export interface TollgateCheckoutProps
  extends Pick<
    PayInput,
    'amount' | 'currency' | 'description' | 'captureMethod' | 'metadata' | 'receiptEmail' | 'statementDescriptorSuffix'
  > {
  readonly orderId: string;
  /** Whether a card may be kept, and kept cards are offered; needs PAYMENT_METHOD_MANAGE. True unless given. */
  readonly savedMethods?: boolean;
  /** Whether Stripe's own page is offered too. True unless given. */
  readonly hostedPage?: boolean;
  /** Where bank and hosted page send the person back to; this page unless given. */
  readonly returnUrl?: string;
  /** Hears of each status that the server confirmed, once. */
  readonly onStatus?: (payment: Payment) => void;
  /** Shown above the buttons before a payment has begun. */
  readonly children?: ReactNode;
}

/** The order's payment that counts: the one that brought money, else the newest. */
const currentOf = (rows: readonly Payment[], begun: Payment | undefined): Payment | undefined => {
  const settled = rows.find(({ status }) => status === 'SUCCESSFUL' || status === 'QUARANTINED');
  const newest = rows.at(-1);
  if (settled || !begun || (newest && Number(newest.id) >= Number(begun.id))) return settled ?? newest;
  return begun; // the answer came before the stream's row
};

/**
 * An order's payment from the first click to the money: saved cards, Stripe's form (or the sandbox's), 3-D Secure, another
 * card after a decline, Stripe's own page. It shows only what the server has confirmed, live, and asks before it cancels.
 * Looked at twice, or in two windows, it is one payment: the server keeps one open attempt for each order.
 */
export const TollgateCheckout = (props: TollgateCheckoutProps) => {
  const { texts, locale } = useSurroundings();
  const { rows, isKnown, error } = useOrderPayments(props.orderId);
  const paying = usePay();
  const titleId = useId();
  const payment = currentOf(rows, paying.answer?.payment);
  useStatusReport(payment, props.onStatus);

  const amount = payment?.amount ?? props.amount;
  const currency = payment?.currency ?? props.currency;
  const sum = amount != null && currency != null ? formatMoney(amount, currency, locale) : undefined;
  const title = sum === undefined ? texts['pay.titleAlone'] : fill(texts['pay.title'], { amount: sum });
  return (
    <section
      className="tollgate"
      aria-labelledby={titleId}
      data-payment={payment?.id}
      data-version={payment?.version}
      aria-busy={!isKnown}
    >
      <h2 className="tollgate-title" id={titleId}>
        {payment && !takesMethod(payment) && payment.status !== 'CANCELED' ? sum : title}{' '}
        {payment && <Status of={payment.status} />}
      </h2>
      {payment && <Meaning payment={payment} />}
      <ErrorText error={error} />
      {isKnown || payment ? (
        <Steps {...props} payment={payment} paying={paying} />
      ) : (
        !error && <p className="tollgate-soft">{texts.loading}</p>
      )}
    </section>
  );
};

const useStatusReport = (payment: Payment | undefined, report: TollgateCheckoutProps['onStatus']): void => {
  const [reported, setReported] = useState<string>();
  const now = payment && `${payment.id} ${payment.status}`;
  useEffect(() => {
    if (!payment || now === reported) return;
    setReported(now);
    report?.(payment);
  }, [payment, now, reported, report]);
};

/** What a payment's status means for the person at the screen. */
const Meaning = ({ payment }: { readonly payment: Payment }) => {
  const { texts, locale } = useSurroundings();
  const { status, failureMessage, amountRefunded, currency, receiptUrl } = payment;
  return (
    <div aria-live="polite">
      <p className="tollgate-text">
        {status === 'FAILED' && failureMessage !== null && `${failureMessage} `}
        {textOf(texts, `means.${status}`)}
        {amountRefunded > 0 &&
          ` ${fill(texts['pay.refunded'], { amount: formatMoney(amountRefunded, currency, locale) })}.`}
        {receiptUrl !== null && (
          <>
            {' '}
            <a className="tollgate-link" href={receiptUrl}>
              {texts['pay.receipt']}
            </a>
          </>
        )}
      </p>
    </div>
  );
};

type StepsProps = TollgateCheckoutProps & {
  readonly payment: Payment | undefined;
  readonly paying: ReturnType<typeof usePay>;
};

/** What can be done now. */
const Steps = (props: StepsProps) => {
  const { payment, paying } = props;
  if (payment && !isOpen(payment) && payment.status !== 'CANCELED' && payment.status !== 'FAILED') return null;
  if (payment?.status === 'PROCESSING') return null;
  const open = payment && isOpen(payment) ? payment : undefined;
  return (
    <>
      {(!open || takesMethod(open)) && <Collect {...props} payment={open} />}
      {open && <Cancel payment={open} onDone={paying.reset} />}
    </>
  );
};

/** Whether the answer's secret is for this payment: a payment that was cancelled meanwhile has another. */
const secretFor = (answer: PayAnswer | undefined, payment: Payment | undefined): string | undefined =>
  answer && answer.payment.id === payment?.id ? (answer.clientSecret ?? undefined) : undefined;

const Collect = (props: StepsProps) => {
  const { payment, paying, savedMethods = true, hostedPage = true } = props;
  const { texts } = useSurroundings();
  const [keeps, setKeeps] = useState(false);
  const [charged, setCharged] = useState<string>();
  const returnUrl = () => props.returnUrl ?? cleanAddress();
  const input = (): PayInput => {
    const { orderId, amount, currency, description, captureMethod, metadata, receiptEmail } = props;
    const { statementDescriptorSuffix } = props;
    const given = { amount, currency, description, captureMethod, metadata, receiptEmail, statementDescriptorSuffix };
    return { orderId, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
  };
  const begin = async (more: Partial<PayInput>): Promise<void> => {
    const { checkoutUrl } = payment ? await paying.resume(payment.id) : await paying.pay({ ...input(), ...more });
    if (checkoutUrl !== null) location.assign(checkoutUrl);
  };
  const payWith = async (method: SavedPaymentMethod): Promise<void> => {
    const answer = await paying.pay({ ...input(), paymentMethodId: method.id });
    setCharged(answer.payment.status === 'REQUIRES_ACTION' ? answer.payment.id : undefined);
  };
  const byCard = useAction(() => begin({ mode: 'ELEMENTS', ...(keeps && { savePaymentMethod: true }) }));
  const byPage = useAction(() => begin({ mode: 'CHECKOUT', successUrl: returnUrl(), cancelUrl: returnUrl() }));
  const clientSecret = secretFor(paying.answer, payment);

  if (clientSecret !== undefined && paying.answer)
    return (
      <ConfirmForm
        clientSecret={clientSecret}
        type={paying.answer.clientSecretType ?? 'PAYMENT'}
        publishableKey={paying.answer.publishableKey}
        currency={payment?.currency}
        returnUrl={returnUrl()}
        asksBank={charged === payment?.id && payment?.status === 'REQUIRES_ACTION'}
      />
    );
  return (
    <>
      {props.children}
      {savedMethods && payment?.status !== 'REQUIRES_ACTION' && <SavedMethods pay={payWith} />}
      {savedMethods && !payment && (
        <Tick checked={keeps} onChange={setKeeps}>
          {texts['pay.keep']}
        </Tick>
      )}
      <div className="tollgate-row">
        <ActionButton action={byCard} look="primary">
          {texts[payment ? 'pay.resume' : 'pay.card']}
        </ActionButton>
        {hostedPage && !payment && <ActionButton action={byPage}>{texts['pay.page']}</ActionButton>}
      </div>
      <ErrorText error={byCard.error ?? byPage.error} />
    </>
  );
};

const Cancel = ({ payment, onDone }: { readonly payment: Payment; readonly onDone: () => void }) => {
  const { client, texts } = useSurroundings();
  const cancel = useAction(async () => {
    await cancelPayment(client, { id: payment.id });
    onDone();
  });
  return (
    <>
      <AskingButton
        action={cancel}
        does={texts['pay.cancel']}
        explains={texts['pay.cancelAsk']}
        yes={texts['pay.cancelYes']}
        no={texts['pay.cancelNo']}
      />
      <ErrorText error={cancel.error} />
    </>
  );
};
