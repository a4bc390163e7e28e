import { withoutCredentials } from '../core/web-address.js';
import type { RedisParts } from '../doctor/doctor.js';
import type { PubSub } from '../outbox/pubsub.js';
import { tryRedis } from '../outbox/redis-trial.js';
import { measureRoundTrip } from '../outbox/round-trip.js';

/** How the doctor checks Redis: on its own connection, and through the existing link. */
export const redisParts = (url: string, link: () => Promise<PubSub>): RedisParts => ({
  shown: withoutCredentials(url),
  refusal: () => tryRedis(url),
  roundTrip: async () => measureRoundTrip(await link()),
});
