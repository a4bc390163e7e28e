import type { ExportList } from '../core/list-export.js';
import type { NounDomain } from '../graphql/context.js';
import type { StripeIds } from '../inbox/event-reads.js';
import type { EventHandler } from '../inbox/handler.js';
import type { Job } from '../inbox/jobs.js';
import type { OpenRows } from '../inbox/open-rows.js';
import type { OpenIn } from '../installation/open-rows.js';
import type { Built, Machine, Noun } from '../nouns/noun.js';

/** What all nouns together give the machinery. */
export interface BuiltNouns {
  /** Who applies an event of a type. */
  readonly handlers: ReadonlyMap<string, EventHandler>;
  readonly openRows: readonly OpenRows[];
  readonly stripeIds: readonly StripeIds[];
  readonly domain: NounDomain;
  readonly jobs: readonly Job[];
  readonly exports: readonly ExportList[];
}

/** Builds the nouns in their order, each over those before it. */
export const buildNouns = (nouns: readonly Noun[], machine: Omit<Machine, 'use'>): BuiltNouns => {
  const built = new Map<Noun<never>, Built>();
  const use = <Parts>(noun: Noun<Parts>): Parts => {
    const found = built.get(noun as Noun<never>);
    if (!found) throw new Error(`The noun "${noun.name}" must stand in the list before those that use it.`);
    return found.parts as Parts;
  };
  for (const noun of nouns) built.set(noun as Noun<never>, noun.build({ ...machine, use }));
  const all = [...built.values()];
  const live = Object.assign({}, ...all.map((one) => one.live)) as NounDomain['live'];
  return {
    handlers: handlersOf(nouns, all),
    openRows: all.flatMap(({ openRows = [] }) => openRows),
    stripeIds: stripeIdsOf(nouns),
    domain: Object.assign({ live }, ...all.map(({ domain }) => domain)) as NounDomain,
    jobs: all.flatMap(({ jobs = [] }) => jobs),
    exports: all.flatMap(({ exports = [] }) => exports),
  };
};

/** Every type of event that some noun applies: what the webhook endpoint is registered for, exactly. */
export const eventTypesOf = (nouns: readonly Noun[]): readonly string[] =>
  nouns.flatMap(({ eventTypes }) => eventTypes);

/** Where rows may be open. */
export const openInOf = (nouns: readonly Noun[]): readonly OpenIn[] => nouns.flatMap(({ open }) => open ?? []);

/** Where their rows keep ids of Stripe's objects. */
export const stripeIdsOf = (nouns: readonly Noun[]): readonly StripeIds[] =>
  nouns.flatMap(({ stripeIds }) => stripeIds ?? []);

/** Refuses nouns that don't apply what they list, or apply more: such events would be lost, or never come. */
const handlersOf = (nouns: readonly Noun[], built: readonly Built[]): ReadonlyMap<string, EventHandler> => {
  const pairs = built.flatMap(({ handlers = [] }) =>
    handlers.flatMap(([types, handler]) => types.map((type) => [type, handler] as const)),
  );
  const listed = eventTypesOf(nouns);
  const handled = pairs.map(([type]) => type);
  const differing = [
    ...listed.filter((type) => !handled.includes(type)),
    ...handled.filter((type, index) => !listed.includes(type) || handled.indexOf(type) !== index),
  ];
  if (differing.length > 0)
    throw new Error(`Nouns must apply each event type that they list, once: ${differing.join(', ')}.`);
  return new Map(pairs);
};
