import { formatMoney } from '../../core/money.js';
import type { Finding } from '../../installation/problems.js';
import type { Queryable } from '../../storage/database.js';
import type { RenewalProblem as Kind } from './row.js';

interface Row {
  readonly invoiceId: string;
  readonly problem: Kind;
  readonly wanted: number | null;
  readonly original: number | null;
  readonly currency: string;
  readonly since: Date;
}

/** What is older was seen, or is past mending. */
const SHOWN_DAYS = 30;
const AT_MOST = 100;

const WHY: Readonly<Record<Kind, string>> = {
  ABOVE_FIRST: 'it is more than was agreed on at the start or by the last change, or than the invoice',
  UNCHARGEABLE: 'Stripe can not charge it: it is below the smallest charge, or no multiple that the currency takes',
  TOO_LATE: 'the invoice had been finalised before',
  NOT_SHOWN: 'the invoice does not show it',
  FLOW_FAILED:
    'the flow recurring-charge failed when it was asked for the amount, until the invoice was charged as it was',
};

const REMEDY: Readonly<Record<Kind, string>> = {
  ABOVE_FIRST:
    'Let the flow recurring-charge return at most charge.agreedAmount and charge.amount; the invoice went on unchanged.',
  UNCHARGEABLE:
    "Let the flow recurring-charge return 0 or at least Stripe's smallest charge; the invoice went on unchanged.",
  TOO_LATE: "Refund the difference, or set tooLate: 'refund' in the flow recurring-charge for the next time.",
  NOT_SHOWN:
    "Look at the invoice in Stripe's dashboard: mend a draft by hand, or refund the difference once it is paid.",
  FLOW_FAILED: 'Mend the flow recurring-charge, and refund the difference if there should be one.',
};

/** Later charges of the last 30 days whose amount could not be what the flow wanted, newest first. */
export const renewalProblems = async (database: Queryable): Promise<Finding[]> => {
  const rows = await database.query<Row>({
    text: `select n.stripe_invoice_id as "invoiceId", n.problem, n.problem_amount as "wanted",
        n.original_amount as "original", r.currency, n.problem_at as "since"
      from tollgate.renewal n join tollgate.recurring_payment r on r.id = n.recurring_payment_id
      where n.problem is not null and n.problem_at > now() - $1 * interval '1 day'
      order by n.problem_at desc limit $2`,
    values: [SHOWN_DAYS, AT_MOST],
  });
  return rows.map(({ invoiceId, problem, wanted, original, currency, since }) => {
    const money = (amount: number | null): string =>
      amount === null ? 'another amount' : formatMoney(amount, currency);
    return {
      code: `RENEWAL_${problem}` as const,
      subject: invoiceId,
      message: `Invoice ${invoiceId} was to be ${money(wanted)} instead of ${money(original)}, but ${WHY[problem]}.`,
      remedy: REMEDY[problem],
      since,
    };
  });
};
