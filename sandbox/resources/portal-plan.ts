import type { Kind, StripeObject } from '../kind.js';

/** A card of the portal that waits for its bank before it becomes the one that is charged. */
interface PortalPlan extends StripeObject {
  readonly setup: string | null;
}
export const portalPlans: Kind<PortalPlan> = { table: 'portal_plan' };
