import { customers } from './nouns/customers/noun.js';
import { disputes } from './nouns/disputes/noun.js';
import { methods } from './nouns/methods/noun.js';
import type { Noun } from './nouns/noun.js';
import { outgoing } from './nouns/outgoing/noun.js';
import { owed } from './nouns/owed/noun.js';
import { payments } from './nouns/payments/noun.js';
import { quarantine } from './nouns/quarantine/noun.js';
import { recurring } from './nouns/recurring/noun.js';
import { refunds } from './nouns/refunds/noun.js';
import { renewals } from './nouns/renewals/noun.js';

/** Every noun, each behind those that it is built of. */
export const NOUNS: readonly Noun[] = [
  customers,
  payments,
  refunds,
  quarantine,
  disputes,
  renewals,
  owed,
  recurring,
  methods,
  outgoing,
];
