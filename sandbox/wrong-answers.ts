import type { Kind, StripeObject } from './kind.js';
import { type EventRow, events } from './resources/event.js';
import type { Scope } from './scope.js';

/** What stands in place of the object that was asked for, unexpanded; undefined where there is no such. */
export type Mislead = (scope: Scope, how: 'older' | 'another', answer: object) => StripeObject | undefined;

const dataOf = ({ data }: EventRow): StripeObject => (JSON.parse(data) as { object: StripeObject }).object;

/** As an event told it before its last change. */
const olderOf = (scope: Scope, row: StripeObject): StripeObject | undefined => {
  const present = JSON.stringify(row);
  const { data: told } = scope.list(events, {
    url: '',
    page: { limit: 1 },
    where: (event) => {
      if (!event.data.includes(row.id)) return false;
      const object = dataOf(event);
      return object.id === row.id && object.object === row.object && JSON.stringify(object) !== present;
    },
  });
  return told[0] && dataOf(told[0]);
};

/** The newest other one of its kind. */
const otherThan = (scope: Scope, kind: Kind<StripeObject>, row: StripeObject): StripeObject | undefined =>
  scope.list(kind, { url: '', page: { limit: 1 }, where: ({ id }) => id !== row.id }).data[0];

/** Over the given kinds; of a list, and of what isn't kept, there is neither an older nor another one. */
export const createMislead =
  (kinds: ReadonlyMap<string, Kind<StripeObject>>): Mislead =>
  (scope, how, answer) => {
    const { id, object } = answer as Partial<StripeObject>;
    const kind = kinds.get(String(object));
    const row = kind && scope.find(kind, String(id));
    if (!kind || !row) return undefined;
    return how === 'older' ? olderOf(scope, row) : otherThan(scope, kind, row);
  };
