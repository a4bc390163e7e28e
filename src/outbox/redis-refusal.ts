import { wordsOf } from '../core/errors.js';

/** What a user of Redis must be allowed, as Redis writes it; `docs/operations.md` says it too. */
export const REDIS_RIGHTS =
  'resetkeys ~*:tollgate:* resetchannels &*:tollgate:* -@all +auth +hello +select +client +info +ping +quit +publish +subscribe +unsubscribe +eval +evalsha +set +incrby +pttl +expire';

/** What a user of a cluster must be allowed beside these. */
export const CLUSTER_RIGHTS = '+spublish +ssubscribe +sunsubscribe +cluster|slots +cluster|info';

/** Why Redis does not serve us, in words. */
export interface RedisRefusal {
  readonly message: string;
  readonly remedy: string;
}

interface Reason {
  /** Fits the error's code or its words. */
  readonly is: RegExp;
  readonly message: string;
  readonly remedy: string;
}

/** What ioredis, Redis and TLS say, in the order in which they are looked for. */
const REASONS: readonly Reason[] = [
  {
    is: /^NOAUTH/,
    message: 'Redis asks for a password, and REDIS_URL has none.',
    remedy: 'Write it into the address: redis://[user]:password@host:port.',
  },
  {
    is: /^WRONGPASS|invalid password/,
    message: 'Redis does not take the user and password of REDIS_URL, or has no such user.',
    remedy: 'Correct them in the URL; percent-encode special characters (encodeURIComponent).',
  },
  {
    is: /^NOPERM/,
    message: 'The user of REDIS_URL lacks rights in Redis.',
    remedy: `As Redis's administrator: ACL SETUSER <user> ${REDIS_RIGHTS}, and in a cluster also ${CLUSTER_RIGHTS}`,
  },
  {
    is: /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_)/,
    message: "Redis shows a certificate of an authority that this machine doesn't know.",
    remedy: 'Name the PEM file of that authority in NODE_EXTRA_CA_CERTS and start again.',
  },
  {
    is: /^ERR_TLS_CERT_ALTNAME_INVALID/,
    message: 'The certificate that Redis shows is for another name than the host of REDIS_URL.',
    remedy: 'Use the name that the certificate is for.',
  },
  {
    is: /^CERT_/,
    message: 'The certificate that Redis shows is not good at this time.',
    remedy: "Renew it, or set this machine's clock.",
  },
  {
    is: /^(ERR_SSL_|EPROTO)/,
    message: 'REDIS_URL begins with rediss://, and no TLS is spoken there.',
    remedy: 'Write redis://, or the port where Redis speaks TLS.',
  },
  {
    is: /^(ENOTFOUND|EAI_AGAIN)/,
    message: "The host's name in REDIS_URL leads to no address.",
    remedy: 'Correct the name, or the DNS.',
  },
  {
    is: /^ECONNREFUSED/,
    message: 'Nothing listens at the address of REDIS_URL.',
    remedy: 'Start Redis, or correct host and port.',
  },
  {
    is: /^ERR This instance has cluster support disabled/,
    message: 'REDIS_CLUSTER is true, and the Redis of REDIS_URL is no node of a cluster.',
    remedy: 'Unset REDIS_CLUSTER, or give the address of a node.',
  },
  {
    is: /^(MOVED|CROSSSLOT)/,
    message: 'The Redis of REDIS_URL is a node of a cluster.',
    remedy: 'Set REDIS_CLUSTER=true.',
  },
  {
    is: /unknown command '?s(publish|subscribe)/i,
    message: 'Redis knows no sharded pub/sub.',
    remedy: 'Use Redis 7 or newer for a cluster.',
  },
  {
    is: /^All sentinels are unreachable/,
    message: 'No Sentinel of REDIS_SENTINELS answers, or none knows a Redis by the name that is the host of REDIS_URL.',
    remedy: 'Correct REDIS_SENTINELS, REDIS_SENTINEL_PASSWORD or the name.',
  },
  {
    is: /^(ERR DB index|invalid DB index)/,
    message: 'Redis has no database of the number in REDIS_URL.',
    remedy: 'Leave the number away, or use a smaller one.',
  },
];

const codesOf = (error: unknown): string[] => {
  // A cluster says of each node why.
  if (error instanceof Error && 'lastNodeError' in error && error.lastNodeError) return codesOf(error.lastNodeError);
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.flatMap(codesOf);
  const code = error instanceof Error && 'code' in error ? [String(error.code)] : [];
  return [...code, wordsOf(error)];
};

/** Why Redis does not serve us, by what a connection or a command failed with. */
export const refusalOf = (error: unknown): RedisRefusal => {
  const codes = codesOf(error);
  const reason = REASONS.find(({ is }) => codes.some((code) => is.test(code)));
  return reason
    ? { message: `${reason.message} (${wordsOf(error)})`, remedy: reason.remedy }
    : {
        message: `Redis does not answer: ${wordsOf(error)}.`,
        remedy: 'Check that Redis runs at the address of REDIS_URL, and whether it speaks TLS there (rediss://).',
      };
};
