/** Where it is told that roles or settings changed: caches of every process are stale. */
export const SETTINGS_TOPIC = 'tollgate:settings';
