/** Whose row a Stripe object belongs to: several installations may share one Stripe account. */
export interface Owner {
  /** This installation's id. */
  readonly installation: string;
  readonly noun: 'payment' | 'refund' | 'recurring' | 'renewal' | 'customer' | 'setup';
  /** Our row's id; a renewal's is its invoice's, a customer's a hash of the account. */
  readonly id: string;
}

/** The metadata that marks an object as ours. */
export const metadataOf = (owner: Owner, orderId: string): Record<string, string> => ({
  tollgate_installation: owner.installation,
  [`tollgate_${owner.noun}`]: owner.id,
  tollgate_order: orderId,
});

/** Reads the mark back; undefined on an object that no installation made. */
export const ownerOf = (metadata: Metadata, noun: Owner['noun']): Owner | undefined => {
  const installation = metadata?.['tollgate_installation'];
  const id = metadata?.[`tollgate_${noun}`];
  return installation !== undefined && id !== undefined && /^\d{1,19}$/.test(id)
    ? { installation, noun, id }
    : undefined;
};

type Metadata = Readonly<Record<string, string>> | null | undefined;

/** Whether an installation made the object that carries the metadata. */
export const isMadeBy = (installation: string, metadata: Metadata): boolean =>
  metadata?.['tollgate_installation'] === installation;

/** Whether two marks name the same row. */
export const isSameOwner = (a: Owner | undefined, b: Owner): boolean =>
  a?.installation === b.installation && a.noun === b.noun && a.id === b.id;

/** Whether an object carries this very mark. */
export const isMarked =
  (owner: Owner) =>
  ({ metadata }: { readonly metadata?: Metadata }): boolean =>
    isMadeBy(owner.installation, metadata) && metadata?.[`tollgate_${owner.noun}`] === owner.id;

/** The key of one write: the same row and attempt always give the same key. Source: Stripe docs, "Idempotent requests". */
export const idempotencyKey = (owner: Owner, attempt: number, action = ''): string =>
  `tg:${owner.installation}:${owner.noun}:${owner.id}:${attempt}${action && `:${action}`}`;
