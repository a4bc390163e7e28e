import { useLanguage } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice, Waiting } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import { Status } from '../ui/status.js';
import { Time } from '../ui/time.js';
import { Id } from './copy.js';
import { Facts } from './facts.js';
import { SLOW_MS } from './list.js';
import { AccountLink } from './node-link.js';
import { NotFound } from './not-found.js';
import { DisputeDetailDocument } from './operations.js';
import { Money } from './payment-columns.js';
import { useTollgate } from './session.js';
import { StripeLink } from './stripe-link.js';

const OPEN: readonly string[] = ['NEEDS_RESPONSE', 'WARNING_NEEDS_RESPONSE'];

/** One dispute: what is asked for, until when, and of which payment. Evidence is handed in at Stripe's dashboard. */
export const DisputePage = ({ id }: { readonly id: string }) => {
  const { request } = useTollgate();
  const { t, money } = useLanguage();
  const read = async () => (await request(DisputeDetailDocument, { id })).dispute;
  const { value: dispute, error } = useLoaded(`dispute ${id}`, read, { isLive: true, everyMs: SLOW_MS });
  useTitle(t('Dispute {id}', { id }));
  if (dispute === undefined) return <Waiting error={error} />;
  if (dispute === null) return <NotFound what={t('There is no dispute {id}.', { id })} back="disputes" />;
  const { payment } = dispute;
  return (
    <>
      <header className="stack tight">
        <a href="#/disputes">← {t('All disputes')}</a>
        <h1>
          {money(dispute.amount, dispute.currency)} <Status of={dispute.status} />
        </h1>
        <p className="lead">{dispute.reason}</p>
      </header>
      <ErrorNotice error={error} />
      {OPEN.includes(dispute.status) && (
        <p className="notice wait" role="note">
          {t('Stripe waits for your evidence. Hand it in at Stripe’s dashboard; without it the dispute is lost.')}
        </p>
      )}
      <Facts
        facts={[
          ['Dispute', <Id key="id">{dispute.id}</Id>],
          ['Payment', <a key="payment" href={`#/payments/${payment.id}`}>{`No. ${payment.id}`}</a>],
          ['Order', payment.orderId],
          ['Account', payment.accountId === null ? t('nobody') : <AccountLink key="account" id={payment.accountId} />],
          ['Received', <Money key="received" of={payment.amountReceived} currency={payment.currency} />],
          ['Answer by', dispute.evidenceDueBy !== null && <Time at={dispute.evidenceDueBy} />],
          ['Refund', dispute.isRefundable ? t('still possible') : t('no longer possible: Stripe has taken the money')],
          [
            'At Stripe',
            <StripeLink key="stripe" of="dispute" id={dispute.stripeDisputeId} livemode={dispute.livemode} />,
          ],
          ['Mode', dispute.livemode ? t('live: real money') : t('test')],
          ['Begun', <Time key="begun" at={dispute.createdAt} />],
          ['Changed', <Time key="changed" at={dispute.updatedAt} />],
        ]}
      />
    </>
  );
};
