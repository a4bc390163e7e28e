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
