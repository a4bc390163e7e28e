import { FlowFreeze } from '../flows/freeze.js';
import { FlowFailure, OwedFlow } from '../flows/owed-flow.js';
import { StripeEvent } from '../inbox/stripe-event.js';
import { AccountRole, Role, RolePermission } from '../installation/role.js';
import { Setting } from '../installation/setting.js';
import type { Noun } from '../nouns/noun.js';
import { Change } from '../outbox/change.js';
import { Untold } from '../outbox/untold.js';
import type { Entities } from '../storage/data-source.js';
import { Idempotency } from '../storage/idempotency.js';

/** Every table: the nouns', and the machinery's. */
export const entitiesOf = (nouns: readonly Noun[]): Entities => [
  ...nouns.flatMap(({ entities }) => entities),
  Change,
  Untold,
  StripeEvent,
  FlowFreeze,
  OwedFlow,
  FlowFailure,
  Idempotency,
  Setting,
  Role,
  RolePermission,
  AccountRole,
];
