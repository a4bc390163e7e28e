import { withoutCredentials } from '../core/web-address.js';
import type { RedisParts } from '../doctor/doctor.js';
import type { PubSub } from '../outbox/pubsub.js';
import type { RedisAddress } from '../outbox/redis-address.js';
import { tryRedis } from '../outbox/redis-trial.js';
import { measureRoundTrip } from '../outbox/round-trip.js';

/** How the doctor checks Redis: on its own connection, and through the existing link. */
export const redisParts = (address: RedisAddress, link: () => Promise<PubSub>): RedisParts => ({
  shown: withoutCredentials(address.url),
  refusal: () => tryRedis(address),
  roundTrip: async () => measureRoundTrip(await link()),
});
