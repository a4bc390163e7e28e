import { isMadeBy, type Owner } from './metadata.js';

/** The marks of this installation: which objects at Stripe are ours. Several installations may share one Stripe account. */
export interface Marks {
  /** This installation's id. */
  readonly installation: string;
  /** The mark that the objects of a row of ours carry. */
  of(noun: Owner['noun'], id: string): Owner;
  /** The id of our row that a mark names; null without a mark, and for another installation's. */
  rowOf(owner: Owner | undefined): string | null;
  /** Whether the mark is another installation's. */
  isAnothers(owner: Owner | undefined): boolean;
  /** Whether this installation made the object that carries the metadata, for whatever row. */
  made(metadata: Readonly<Record<string, string>> | null | undefined): boolean;
}

/** The marks of the installation with this id. */
export const createMarks = (installation: string): Marks => ({
  installation,
  of: (noun, id) => ({ installation, noun, id }),
  rowOf: (owner) => (owner?.installation === installation ? owner.id : null),
  isAnothers: (owner) => owner !== undefined && owner.installation !== installation,
  made: (metadata) => isMadeBy(installation, metadata),
});
