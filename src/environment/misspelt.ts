import leven, { closestMatch } from 'leven';
import { SECTIONS } from './environment.js';
import { FROM_FILES, fileVariable } from './secret-files.js';

/** Names that begin so are ours or meant for us. */
const OURS = /^(TOLLGATE|STRIPE|JWT)_/;
/** What Kubernetes sets for a service called tollgate. Source: Kubernetes docs, "Service", environment variables. */
const SERVICE_LINK = /^[A-Z]+_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)$/;
/** The test suite's own. */
const TEST = /^TOLLGATE_TEST_/;
/** So near, a name is a slip, whatever it begins with; of a short name little would be left. */
const NEAR = { distance: 2, length: 8 };

const known = (): string[] => [
  ...Object.values(SECTIONS).flatMap((variables) => Object.keys(variables)),
  ...FROM_FILES.map(fileVariable),
];

/**
 * The names that look as if they were meant for us and are not read, each with the nearest one that is; values are never
 * shown. A name that another program reads may be among them, so nothing is refused.
 */
export const misspelt = (environment: Readonly<Record<string, string | undefined>>): string[] => {
  const names = known();
  const long = names.filter((name) => name.length >= NEAR.length);
  return Object.keys(environment).flatMap((name) => {
    if (names.includes(name) || SERVICE_LINK.test(name) || TEST.test(name)) return [];
    const upper = name.toUpperCase();
    const near = closestMatch(upper, long, { maxDistance: NEAR.distance });
    if (near !== undefined && leven(upper, near) <= NEAR.distance)
      return [`${name} is not a variable of Tollgate, and is ignored. Did you mean ${near}?`];
    if (!OURS.test(upper)) return [];
    const nearest = closestMatch(upper, names);
    return [
      `${name} is not a variable of Tollgate, and is ignored. The nearest is ${nearest}; "tollgate start --help" lists all.`,
    ];
  });
};
