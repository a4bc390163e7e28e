/** The topic for changed roles or settings: the caches of every process are stale. */
export const SETTINGS_TOPIC = 'tollgate:settings';
