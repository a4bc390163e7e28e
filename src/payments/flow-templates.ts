import type { Flows } from './flows.js';

/** The bound order table as the generated flows use it: SQL as it goes into a statement, quoted where needed. */
export interface FlowTarget {
  readonly table: string;
  readonly id: string;
  readonly amount: string | null;
  /** The order's status as a value to compare; null where there is no column `status` that takes these flows' words. */
  readonly status: string | null;
  /** What a copy of an order is made of: column → value, where `$amount` and `$currency` stand for the charge's. */
  readonly copy: Readonly<Record<string, string>>;
}

/** SQL inside of a template literal. */
const sql = (text: string): string => text.replace(/`|\\|\$(?=\{)/g, '\\$&');

/** Says for which table the text was made, so that an unedited file is known again. */
export const MARK = '// tollgate activate: ';

const heading = (define: string, names: Partial<FlowTarget>): string => `import { ${define} } from './define.js';

${MARK}${JSON.stringify(names)}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.
`;

const orderNames = ({ table, id, amount, status }: FlowTarget): Partial<FlowTarget> => ({ table, id, amount, status });

const paymentBranch = ({ table, id, amount, status }: FlowTarget): string =>
  status === null
    ? `      // Your own logic goes here: await db.query(\`update ${sql(table)} set … where ${sql(id)} = $1\`, [orderId]);
      log.info({ orderId, orderPaidAmount }, 'payment received');`
    : `      const paid = await db.query(
        \`update ${sql(table)} set status = 'paid'
          where ${sql(id)} = $1${amount === null ? '' : ` and ${sql(amount)} <= $2::bigint`}
            and ${status} not in ('paid', 'canceled') returning ${sql(id)}\`,
        [orderId${amount === null ? '' : ', orderPaidAmount'}],
      );
      if (paid.length > 0) log.info({ orderId, orderPaidAmount }, 'order paid');`;

const paymentCallback = (target: FlowTarget): string => `${heading('definePaymentCallback', orderNames(target))}
/** Marks the order paid once what was received for it covers its amount. */
export const paymentCallback = definePaymentCallback({
  async run({ orderId, paymentStatus, orderPaidAmount, callbackProcessed }, { ${target.status === null ? '' : 'db, '}log }) {
    if (callbackProcessed) return; // a duplicate

    if (paymentStatus === 'SUCCESSFUL') {
${paymentBranch(target)}
    } else {
      // The payment failed, was canceled, or goes on: the order stays as it is. Your own logic goes here.
    }
  },
});
`;

const refundedBranch = ({ table, id, amount }: FlowTarget): string => `      const refunded = await db.query(
        \`update ${sql(table)} set status = case when $2::bigint = 0 then 'refunded' else 'partially_refunded' end
          where ${sql(id)} = $1${amount === null ? '' : ` and ${sql(amount)} > $2::bigint`} and status in ('paid', 'partially_refunded') returning ${sql(id)}\`,
        [orderId, orderPaidAmount],
      );
      if (refunded.length > 0) log.info({ orderId, orderPaidAmount }, 'order refunded');
    } else {
      // The refund failed: what the order had lost by it, if anything, is there again.
      await db.query(
        \`update ${sql(table)} set status = ${
          amount === null
            ? `case when $3::bigint = 0 then 'paid' else 'partially_refunded' end`
            : `case when ${sql(amount)} <= $2::bigint then 'paid' else 'partially_refunded' end`
        }
          where ${sql(id)} = $1 and $2::bigint > 0 and status in ('refunded', 'partially_refunded')\`,
        [orderId, orderPaidAmount${amount === null ? ', payment.amountRefunded' : ''}],
      );
    }`;

const loggedBranch = ({
  table,
  id,
}: FlowTarget): string => `      // Your own logic goes here: await db.query(\`update ${sql(table)} set … where ${sql(id)} = $1\`, [orderId]);
      log.info({ orderId, orderPaidAmount }, 'order refunded');
    } else {
      // The refund failed: what the order had lost by it, if anything, is there again.
      log.info({ orderId, orderPaidAmount, status }, 'refund failed');
    }`;

const refundCallback = (target: FlowTarget): string => {
  const data = `orderId, status, ${target.status !== null && target.amount === null ? 'payment, ' : ''}orderPaidAmount, callbackProcessed`;
  return `${heading('defineRefundCallback', orderNames(target))}
/** Marks the order refunded, wholly or partly, and takes that back when the money came back. */
export const refundCallback = defineRefundCallback({
  async run({ ${data} }, { ${target.status === null ? '' : 'db, '}log }) {
    if (callbackProcessed) return; // a duplicate

    if (status === 'REFUNDED') {
${target.status === null ? loggedBranch(target) : refundedBranch(target)}
  },
});
`;
};

const recurringPaymentCallback = (): string => `${heading('defineRecurringPaymentCallback', {})}
/** Runs when a recurring payment begins, changes its status, or its end is scheduled or taken back. */
export const recurringPaymentCallback = defineRecurringPaymentCallback({
  run({ recurringPayment, previousStatus, previousCancelAtPeriodEnd, callbackProcessed }, { log }) {
    if (callbackProcessed) return; // a duplicate
    const { id, status, cancelAtPeriodEnd } = recurringPayment;

    if (status !== previousStatus) {
      log.info({ recurringPaymentId: id, previousStatus, status }, 'recurring payment changed');
      // Give access on ACTIVE or TRIALING, take it on CANCELED, remind on PAST_DUE. Your own logic goes here.
    } else if (cancelAtPeriodEnd !== previousCancelAtPeriodEnd) {
      log.info({ recurringPaymentId: id, cancelAtPeriodEnd }, 'the end of a recurring payment changed');
    }
  },
});
`;

/** The statement that copies an order, and what of the charge it takes. */
const copyOrder = ({ table, id, copy }: FlowTarget): { text: string; values: string[] } => {
  const taken = ['amount', 'currency'].filter((name) => Object.values(copy).includes(`$${name}`));
  const columns = Object.keys(copy).map(sql).join(', ');
  const values = Object.values(copy)
    .map((value) => (value.startsWith('$') ? `$${taken.indexOf(value.slice(1)) + 2}` : sql(value)))
    .join(', ');
  return columns === ''
    ? { text: `insert into ${sql(table)} default values returning ${sql(id)}::text as id`, values: [] }
    : {
        text: `insert into ${sql(table)} (${columns})
        select ${values} from ${sql(table)} where ${sql(id)} = $1 returning ${sql(id)}::text as id`,
        values: ['orderId', ...taken],
      };
};

const recurringCharge = (target: FlowTarget): string => {
  const { text, values } = copyOrder(target);
  const { table, id, copy } = target;
  const charge = ['orderId', ...values.filter((name) => name !== 'orderId')];
  return `${heading('defineRecurringCharge', { table, id, copy })}
/** Makes a new order for each later charge: a copy of the order that the recurring payment was started for. */
export const recurringCharge = defineRecurringCharge({
  async createOrder({ ${charge.join(', ')} }, { db }) {
    const [order] = await db.query<{ id: string }>(
      \`${text}\`,
      [${values.join(', ')}],
    );
    if (!order) throw new Error(\`Order \${orderId} is gone: there is nothing to copy for its later charge.\`);
    return order.id;
  },

  // To lower a charge before it is made, return fewer minor units than charge.amount; undefined leaves it alone.
  amount: () => undefined,
});
`;
};

/** One of the developer's flows: the file it lives in, below src/actionflows, and what the file starts as. */
export interface FlowTemplate {
  readonly file: string;
  /** The function that every such flow has. */
  readonly entry: 'run' | 'createOrder';
  fill(target: FlowTarget): string;
}

/** Every flow by the name of its export. */
export const FLOW_TEMPLATES: Readonly<Record<Exclude<keyof Flows, 'effects'>, FlowTemplate>> = {
  paymentCallback: { file: 'payment-callback', entry: 'run', fill: paymentCallback },
  refundCallback: { file: 'refund-callback', entry: 'run', fill: refundCallback },
  recurringPaymentCallback: { file: 'recurring-payment-callback', entry: 'run', fill: recurringPaymentCallback },
  recurringCharge: { file: 'recurring-charge', entry: 'createOrder', fill: recurringCharge },
};
