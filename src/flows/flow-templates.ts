import type { Flows } from './flows.js';

/** What the order table calls each state that the flows write; null where it has no word for it. */
export interface StatusWords {
  readonly pending: string | null;
  readonly paid: string | null;
  readonly partiallyRefunded: string | null;
  readonly refunded: string | null;
  readonly canceled: string | null;
}

/** The order's status as the flows write it. */
export interface OrderStatus {
  /** Quoted where needed. */
  readonly column: string;
  /** What follows a literal where the column is an enum or a domain: `::order_status`; else empty. */
  readonly cast: string;
  readonly isRequired: boolean;
  readonly words: StatusWords;
}

/** A shelf that orders take from: a table of products with the `pieces` that are left of each. */
export interface Shelf {
  readonly table: string;
  /** The order's column with the product; null: it takes nothing. */
  readonly product: string;
}

/** The bound order table as the generated flows use it: SQL as it goes into a statement, quoted where needed. */
export interface FlowTarget {
  readonly table: string;
  readonly id: string;
  readonly amount: string | null;
  /** Where the table keeps amounts in the currency's major unit. */
  readonly unit?: 'major' | undefined;
  /** Where PostgreSQL computes the amount from other columns. */
  readonly isComputed?: true | undefined;
  /** Null where no column takes a word for paid; `why` says so then. */
  readonly status: OrderStatus | null;
  readonly why: string | null;
  /** Of the sample shop alone. */
  readonly shelf: Shelf | null;
  /** What a copy of an order is made of: column → value, where `$amount` and `$currency` stand for the charge's. */
  readonly copy: Readonly<Record<string, string>>;
  /** Columns that a new order can't be made without. */
  readonly mustFill: readonly string[];
}

/** SQL inside of a template literal. */
const sql = (text: string): string => text.replace(/`|\\|\$(?=\{)/g, '\\$&');

/** Says for which table the text was made, so that an unedited file is known again. */
export const MARK = '// tollgate activate: ';

const heading = (
  define: string,
  names: Partial<FlowTarget>,
): string => `import { ${define}${names.unit === 'major' ? ', toMajorUnits' : ''} } from 'tollgate/flows';

${MARK}${JSON.stringify(names)}
// Yours to edit: "tollgate activate" writes this file only while nothing in it was changed.
`;

const orderNames = ({ table, id, amount, unit, status, why }: FlowTarget, compares: boolean): Partial<FlowTarget> => ({
  table,
  id,
  amount,
  ...(compares && unit !== undefined && { unit }),
  status,
  why,
});

/** Nothing where there is none. */
const shelfNames = ({ shelf }: FlowTarget): Partial<FlowTarget> => (shelf === null ? {} : { shelf });

/** The type of what the amount is compared with. */
const castOf = ({ unit }: FlowTarget): string => (unit === 'major' ? '::numeric' : '::bigint');

/** What covers the order, as its table keeps amounts. */
const coveredOf = ({ unit }: FlowTarget): string => (unit === 'major' ? 'covered' : 'orderCoveredAmount');

const COVERED = `      const covered = toMajorUnits(orderCoveredAmount, payment.currency); // as the table keeps amounts
`;

const literal = (word: string, { cast }: OrderStatus): string => sql(`'${word.replaceAll("'", "''")}'${cast}`);

const listOf = (words: readonly (string | null)[], status: OrderStatus): string =>
  words.flatMap((word) => (word === null ? [] : [literal(word, status)])).join(', ');

const unfinished = ({ table, id, why }: FlowTarget): string =>
  `      // Not finished: ${why}.
      // Your own logic goes here: await db.query(\`update ${sql(table)} set … where ${sql(id)} = $1\`, [orderId]);`;

/** What a flow calls that which the order has: what covers it, where that is compared with its amount. */
const hasOf = ({ status, amount }: FlowTarget): string =>
  status !== null && amount !== null ? 'orderCoveredAmount' : 'orderPaidAmount';

/** Late money, or the wrong amount, that was accepted. */
const TAKES_UP = `      // Money that came after a cancel, or was set aside, and was taken all the same: an order that was given up is wanted again.
      const takesUp = previousStatus === 'CANCELED' || previousStatus === 'QUARANTINED';
`;

/** What follows once the order was marked paid. */
const paidBranch = (target: FlowTarget): string => {
  const { shelf } = target;
  const told = `log.info({ orderId, ${hasOf(target)}, settledOutOfBand }, 'order paid');`;
  if (shelf === null)
    return `      if (paid.length > 0) {
        ${told}
        return;
      }`;
  return `      const [order] = paid;
      if (order) {
        ${told}
        if (order.product === null) return;
        const taken = await db.query(
          \`update ${sql(shelf.table)} set pieces = pieces - 1 where product = $1 and pieces > 0 returning pieces\`,
          [order.product],
        );
        // Sold out meanwhile: the money goes back, and the refund's own flow marks the order.
        if (taken.length === 0 && payment.amountReceived > 0)
          await refund({ paymentId: payment.id, amount: payment.amountReceived, reason: 'Sold out' });
        return;
      }`;
};

const paymentBranch = (target: FlowTarget): string => {
  const { table, id, amount, status, shelf } = target;
  if (status === null)
    return `${unfinished(target)}\n      log.info({ orderId, orderPaidAmount }, 'payment received');`;
  const { words } = status;
  const column = sql(status.column);
  const ended = listOf([words.paid, words.canceled], status);
  const isOpen = `${column} not in (${ended})`;
  const covered = amount === null ? '' : ` and ${sql(amount)} <= $2${castOf(target)}`;
  const given = amount === null ? ['orderId'] : ['orderId', coveredOf(target)];
  const values = `[${given.join(', ')}]`;
  const again =
    words.canceled === null
      ? ''
      : ` or ($${given.length + 1}::boolean and ${column} = ${literal(words.canceled, status)})`;
  const orNull = status.isRequired ? '' : `${column} is null or `;
  const takes = again === '' && orNull === '' ? isOpen : `(${orNull}${isOpen}${again})`;
  const [row, returned] = shelf === null ? ['', sql(id)] : ['<{ product: string | null }>', sql(shelf.product)];
  return `${target.unit === 'major' ? COVERED : ''}${again === '' ? '' : TAKES_UP}      const paid = await db.query${row}(
        \`update ${sql(table)} set ${column} = ${literal(words.paid ?? '', status)}
          where ${sql(id)} = $1${covered}
            and ${takes} returning ${returned}\`,
        ${again === '' ? values : `[${[...given, 'takesUp'].join(', ')}]`},
      );
${paidBranch(target)}
      // Paid or canceled already${amount === null ? '' : ', or not covered yet'}; what can't be seen or written must not pass unnoticed.
      const left = await db.query(
        \`select 1 from ${sql(table)} where ${sql(id)} = $1 and (${column} in (${ended})${amount === null ? '' : ` or ${sql(amount)} > $2${castOf(target)}`})\`,
        ${values},
      );
      if (left.length === 0)
        throw new Error(\`Order \${orderId} was not marked paid: a policy, rule or trigger keeps its row.\`);`;
};

const usesDatabase = (isWritten: boolean): string => (isWritten ? 'db, ' : '');

/** On a line of their own each where they are too long for one. */
const argumentsOf = (data: string, context: string): string =>
  data.length + context.length > 100 ? `\n    ${data},\n    ${context},\n  ` : `${data}, ${context}`;

const paymentCallback = (target: FlowTarget): string => {
  const { status, shelf, unit } = target;
  const isMajor = status !== null && unit === 'major';
  const takes = status !== null && shelf !== null;
  const data = `orderId, paymentStatus, previousStatus, ${isMajor || takes ? 'payment, ' : ''}${hasOf(target)}, ${status === null ? '' : 'settledOutOfBand, '}callbackProcessed`;
  return `${heading('definePaymentCallback', { ...orderNames(target, isMajor), ...shelfNames(target) })}
/** ${status === null ? 'Runs when money was received: it does not say yet what that does to the order.' : `Marks the order paid once what was received, or settled otherwise, covers its amount${takes ? ', and takes it from the shelf' : ''}.`} */
export const paymentCallback = definePaymentCallback({
  async run(${argumentsOf(`{ ${data} }`, `{ ${usesDatabase(status !== null)}log${takes ? ', refund' : ''} }`)}) {
    if (callbackProcessed) return; // a duplicate

    if (paymentStatus === 'SUCCESSFUL') {
${paymentBranch(target)}
    } else if (paymentStatus === 'QUARANTINED') {
      // Not what was asked for, or after a cancel (previousStatus): it counts for nothing until somebody decides.
      log.warn({ orderId, previousStatus }, 'money was set aside; see "tollgate quarantine list"');
    } else {
      // The payment failed, was canceled, or goes on: the order stays as it is. Your own logic goes here.
    }
  },
});
`;
};

const refundedBranch = (target: FlowTarget, status: OrderStatus): string => {
  const { table, id, amount } = target;
  const cast = castOf(target);
  const { paid, partiallyRefunded, refunded } = status.words;
  const column = sql(status.column);
  const isLess = amount === null ? '' : ` and ${sql(amount)} > $2${cast}`;
  const wholly = literal(refunded ?? '', status);
  const partly = literal(partiallyRefunded ?? paid ?? '', status);
  const isWhole = amount === null ? '$3::bigint = 0' : `${sql(amount)} <= $2${cast}`;
  return `      const refunded = await db.query(
        \`update ${sql(table)} set ${column} = case when $2${cast} = 0 then ${wholly} else ${partly} end
          where ${sql(id)} = $1${isLess} and ${column} in (${listOf([paid, partiallyRefunded], status)}) returning ${sql(id)}\`,
        [orderId, ${coveredOf(target)}],
      );
      if (refunded.length > 0) log.info({ orderId, orderCoveredAmount }, 'order refunded');
    } else {
      // The refund failed: what the order had lost by it, if anything, is there again.
      await db.query(
        \`update ${sql(table)} set ${column} = case when ${isWhole} then ${literal(paid ?? '', status)} else ${partly} end
          where ${sql(id)} = $1 and $2${cast} > 0 and ${column} in (${listOf([refunded, partiallyRefunded], status)})\`,
        [orderId, ${coveredOf(target)}${amount === null ? ', payment.amountRefunded' : ''}],
      );
    }`;
};

const loggedBranch = (target: FlowTarget): string => `${unfinished(target)}
      log.info({ orderId, orderPaidAmount }, 'order refunded');
    } else {
      // The refund failed: what the order had lost by it, if anything, is there again.
      log.info({ orderId, orderPaidAmount, status }, 'refund failed');
    }`;

/** Why the refund flow can't write what became of the order; undefined when it can. */
const refundLack = ({ table, status, why }: FlowTarget): string | undefined => {
  if (status === null) return why ?? 'no status';
  return status.words.refunded === null ? `${table}.${status.column} has no word for refunded` : undefined;
};

const refundCallback = (target: FlowTarget): string => {
  const { status, amount, unit } = target;
  const lack = refundLack(target);
  const written = lack === undefined ? status : null;
  const isMajor = written !== null && unit === 'major';
  const data = `orderId, status, ${written !== null && (amount === null || isMajor) ? 'payment, ' : ''}${written === null ? 'orderPaidAmount' : 'orderCoveredAmount'}, callbackProcessed`;
  return `${heading('defineRefundCallback', orderNames(target, isMajor))}
/** ${written === null ? 'Runs when a refund ended: it does not say yet what that does to the order.' : 'Marks the order refunded, wholly or partly, and takes that back when the money came back.'} */
export const refundCallback = defineRefundCallback({
  async run({ ${data} }, { ${usesDatabase(written !== null)}log }) {
    if (callbackProcessed) return; // a duplicate
${isMajor ? COVERED.slice(2) : ''}
    if (status === 'REFUNDED') {
${written === null ? loggedBranch({ ...target, why: lack ?? null }) : refundedBranch(target, written)}
  },
});
`;
};

const soldOutRequest = (target: FlowTarget, { table: shelf, product }: Shelf): string => {
  const { table, id } = target;
  return `${heading('definePaymentRequest', { table, id, ...shelfNames(target) })}
/** Asked before a payment begins or goes on, under the order's lock: what is sold out is declined. */
export const paymentRequest = definePaymentRequest({
  async beforePay({ orderId }, { db, decline }) {
    const soldOut = await db.query(
      \`select 1 from ${sql(table)} o join ${sql(shelf)} s on s.product = o.${sql(product)}
        where o.${sql(id)} = $1 and s.pieces = 0\`,
      [orderId],
    );
    if (soldOut.length > 0) decline('SOLD_OUT', 'Sold out');
  },
});
`;
};

const paymentRequest = (target: FlowTarget): string =>
  target.shelf === null ? openRequest() : soldOutRequest(target, target.shelf);

const openRequest = (): string => `${heading('definePaymentRequest', {})}
/** Asked before a payment begins or goes on, under the order's lock: it declines nothing yet. */
export const paymentRequest = definePaymentRequest({
  beforePay() {
    // Where it must not be paid: (data, { db, decline }) and decline('SOLD_OUT', 'Sold out'). Your own logic goes here.
  },
});
`;

const disputeCallback = (): string => `${heading('defineDisputeCallback', {})}
/** Runs when a dispute of a payment begins or changes its status: it does not touch the order yet. */
export const disputeCallback = defineDisputeCallback({
  run({ orderId, status, previousStatus, dispute, callbackProcessed }, { log }) {
    if (callbackProcessed) return; // a duplicate
    const { id, amount, currency, evidenceDueBy } = dispute;

    log.warn({ orderId, disputeId: id, previousStatus, status, amount, currency, evidenceDueBy }, 'payment disputed');
    // Withdraw what was delivered on NEEDS_RESPONSE or LOST, give it back on WON. Your own logic goes here.
  },
});
`;

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
  const { table, id, copy, unit } = target;
  const isMajor = unit === 'major' && values.includes('amount');
  const given = values.map((name) => (isMajor && name === 'amount' ? 'toMajorUnits(amount, currency)' : name));
  const charge = [
    'orderId',
    ...new Set([...values.filter((name) => name !== 'orderId'), ...(isMajor ? ['currency'] : [])]),
  ];
  return `${heading('defineRecurringCharge', { table, id, ...(isMajor && { unit: 'major' }), copy })}
/** Makes a new order for each later charge: a copy of the order that the recurring payment was started for. */
export const recurringCharge = defineRecurringCharge({
  async createOrder({ ${charge.join(', ')} }, { db }) {
    const [order] = await db.query<{ id: string }>(
      \`${text}\`,
      [${given.join(', ')}],
    );
    if (!order) throw new Error(\`Order \${orderId} is gone: there is nothing to copy for its later charge.\`);
    return order.id;
  },

  // To lower a charge before it is made, return fewer minor units than charge.amount; undefined leaves it alone.
  amount: () => undefined,
});
`;
};

/** One of the developer's flows: the file it lives in, below the project's folder of flows, and what the file starts as. */
export interface FlowTemplate {
  readonly file: string;
  /** The function that every such flow has. */
  readonly entry: 'run' | 'createOrder' | 'beforePay';
  /** A release before this flow wrote no such file: without it nothing runs. */
  readonly isOptional?: true;
  fill(target: FlowTarget): string;
  /** What the file can't do as it is generated for this table, in words: the developer must finish it. */
  lacks(target: FlowTarget): string | undefined;
}

const nothing = (): undefined => undefined;

/** Every flow by the name of its export. */
export const FLOW_TEMPLATES: Readonly<Record<Exclude<keyof Flows, 'effects'>, FlowTemplate>> = {
  paymentCallback: {
    file: 'payment-callback',
    entry: 'run',
    fill: paymentCallback,
    lacks: ({ status, why }) => (status === null ? `it does not mark orders paid: ${why}` : undefined),
  },
  refundCallback: {
    file: 'refund-callback',
    entry: 'run',
    fill: refundCallback,
    lacks(target) {
      const lack = refundLack(target);
      return lack === undefined ? undefined : `it does not mark orders refunded: ${lack}`;
    },
  },
  recurringPaymentCallback: {
    file: 'recurring-payment-callback',
    entry: 'run',
    fill: recurringPaymentCallback,
    lacks: nothing,
  },
  recurringCharge: {
    file: 'recurring-charge',
    entry: 'createOrder',
    fill: recurringCharge,
    lacks: ({ table, amount, isComputed }) =>
      isComputed === true
        ? `it does not write what a later charge comes to: ${table}.${amount} is generated, so write the columns that it is computed from`
        : undefined,
  },
  disputeCallback: {
    file: 'dispute-callback',
    entry: 'run',
    isOptional: true,
    fill: disputeCallback,
    lacks: nothing,
  },
  paymentRequest: {
    file: 'payment-request',
    entry: 'beforePay',
    isOptional: true,
    fill: paymentRequest,
    lacks: nothing,
  },
};
