/** For whom a payment is made at Stripe. */
export interface Paying {
  readonly customerId: string | null;
  /** Whether the method that pays is kept for the customer's later payments. */
  readonly savesMethod: boolean;
}

/** The customer as a parameter of a payment intent or a Checkout Session. */
export const customerOf = ({ customerId }: Pick<Paying, 'customerId'>) =>
  customerId === null ? {} : { customer: customerId };

/** Whether the method is kept, as a parameter of a payment intent: for payments without the customer too. */
export const savingOf = ({ savesMethod }: Pick<Paying, 'savesMethod'>) =>
  savesMethod ? { setup_future_usage: 'off_session' as const } : {};

/** What an app hands on to Stripe with a payment. */
export interface HandedOn {
  readonly metadata: Readonly<Record<string, string>>;
  /** Where Stripe mails its receipt. */
  readonly receiptEmail: string | null;
  readonly statementDescriptorSuffix: string | null;
}

/** The same as parameters of a payment intent; the metadata is merged with our mark by the caller. */
export const handedOn = ({ receiptEmail, statementDescriptorSuffix }: Omit<HandedOn, 'metadata'>) => ({
  ...(receiptEmail !== null && { receipt_email: receiptEmail }),
  ...(statementDescriptorSuffix !== null && { statement_descriptor_suffix: statementDescriptorSuffix }),
});
