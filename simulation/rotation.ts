import { type Action, payNewOrder } from './actions.js';
import { type Books, type Comparison, compare, type Invariant } from './books.js';
import type { World } from './world.js';

const PATH = '/v1/webhook_endpoints';
const RETURN_URL = 'https://shop.example/return';
const REFUSED = 400;
const UNAUTHORIZED = 401;
/** Any but those of the people around. */
const KEY_OF_OURS = /_sandbox__\d+$/;

const rollKeys: Action = {
  name: 'roll the keys',
  weight: 1,
  run: ({ keyring }) => keyring.roll(),
};

const rotateSecret: Action = {
  name: "rotate the webhook's secret",
  weight: 1,
  run: ({ keyring }) => keyring.rotate(),
};

/** At any time. */
export const ROTATION_ACTIONS: readonly Action[] = [rollKeys, rotateSecret];

/** The answer that tells of the new endpoint, and of its secret, is lost; or the server dies before or after it. */
const troubleEndpoint: Action = {
  name: 'a new endpoint is not heard of',
  weight: 0,
  async run(world, _scene, random) {
    const trouble = random.pick(['lost', 'before call', 'after call', 'none'] as const);
    if (trouble === 'lost')
      await world.control('/faults', { kind: 'disconnect-after-apply', match: { method: 'POST', path: PATH } });
    else if (trouble !== 'none') for (const life of await world.servers()) life.arm({ at: trouble, path: PATH });
    return trouble;
  },
};

const payNow: Action = {
  name: 'pay a new order',
  weight: 0,
  async run(world, scene) {
    const { id, intentId } = await payNewOrder(world, scene);
    await world.stripe.paymentIntents.confirm(intentId, { payment_method: 'pm_card_visa', return_url: RETURN_URL });
    return `payment ${id}`;
  },
};

const expireFormer: Action = {
  name: 'the former keys expire',
  weight: 0,
  async run({ keyring }) {
    await keyring.expireFormer();
    return 'done';
  },
};

/** People pay before, between and after; what was begun is finished at last. */
export const ROTATION: readonly Action[] = [
  ...[rollKeys, payNow],
  ...[troubleEndpoint, rotateSecret, payNow],
  ...[expireFormer, payNow],
];

/** Once the keys before are over, nobody asks with them. */
const checkKeys = ({ keyring }: World, { requests }: Books): Comparison => {
  const since = keyring.expiredSince() ?? Number.POSITIVE_INFINITY;
  const ours = requests.filter(
    ({ atMs, headers }) => atMs >= since && KEY_OF_OURS.test(headers['authorization'] ?? ''),
  );
  return compare(ours, ({ method, path, status }) =>
    status === UNAUTHORIZED ? [`${method} ${path} was asked with a key that had expired`] : [],
  );
};

/** One endpoint is left at Stripe: the one whose secret is kept, at our address. */
const checkEndpoint = async (
  { keyring, publicUrl }: World,
  { endpoints, installation }: Books,
): Promise<Comparison> => {
  const known = await keyring.endpoints();
  const inUse = [...known].flatMap(([id, { until }]) => (until === Number.POSITIVE_INFINITY ? [id] : []));
  const present = endpoints
    .filter(({ metadata }) => metadata['tollgate_installation'] === installation)
    .map(({ id, url, status }) => `${id} at ${url} ${status}`);
  const expected = inUse.map((id) => `${id} at ${publicUrl}/webhooks/stripe enabled`);
  const isRight = present.length === 1 && present.join() === expected.join();
  return {
    compared: known.size,
    violations: isRight ? [] : [`Stripe delivers to ${present.join(', ')}; it should to ${expected.join(', ')}`],
  };
};

/** What comes to an endpoint while its secret is accepted is never refused. */
const checkSignatures = async ({ keyring }: World, { deliveries }: Books): Promise<Comparison> => {
  const known = await keyring.endpoints();
  const attempts = deliveries.flatMap(({ endpoint, type, attempts: all }) => {
    const { since, until } = known.get(endpoint) ?? { since: 0, until: 0 };
    const due = all.filter(({ atMs, durationMs }) => atMs >= since && atMs + durationMs < until);
    return due.map(({ status }) => ({ endpoint, type, status }));
  });
  return compare(attempts, ({ endpoint, type, status }) =>
    status === REFUSED ? [`${type} was refused at ${endpoint}, whose secret was to be accepted`] : [],
  );
};

/** What is promised of keys and endpoints that are rotated, by what a run's table calls it. */
export const ROTATION_INVARIANTS = {
  'Stripe is asked with no key that has expired': checkKeys,
  'Stripe delivers to one endpoint, whose secret is known': checkEndpoint,
  'no delivery is refused while its secret is to be accepted': checkSignatures,
} as const satisfies Readonly<Record<string, Invariant>>;
