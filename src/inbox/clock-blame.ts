/** Seconds that a signature may be off. Source: Stripe docs, "Verify webhook signatures" (replay attacks). */
const TOLERANCE_SECONDS = 300;

const apart = (seconds: number, than: string): string =>
  `${Math.abs(Math.round(seconds))} s ${seconds > 0 ? 'ahead of' : 'behind'} ${than}`;

/**
 * Whose clock is wrong where a signature fits that was made at another time, in words, with what mends it.
 *
 * @param secondsOff the signature's time less this server's
 * @param databaseSecondsOff the database's time less this server's; undefined where it does not answer
 */
export const blameClock = (secondsOff: number, databaseSecondsOff: number | undefined): string => {
  const told = `The signature fits, but it was made ${Math.abs(secondsOff)} s ${secondsOff > 0 ? 'after' : 'before'} this server's time; five minutes are allowed.`;
  if (databaseSecondsOff === undefined) return told;
  const byDatabase = secondsOff - databaseSecondsOff;
  if (Math.abs(byDatabase) <= TOLERANCE_SECONDS)
    return `${told} It is this server's clock: ${apart(-databaseSecondsOff, "the database's")}, which the signature agrees with. Set it with NTP (timedatectl set-ntp true).`;
  if (Math.abs(databaseSecondsOff) <= TOLERANCE_SECONDS)
    return `${told} By the database's time too: the delivery was kept back or sent again, or the sender's clock is ${apart(secondsOff, 'both')}. Stripe signs each attempt anew.`;
  return `${told} This server's clock is ${apart(-databaseSecondsOff, "the database's")}, and the signature agrees with neither. Set both with NTP.`;
};
