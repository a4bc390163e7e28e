import type { ReactNode } from 'react';
import { useT } from '../ui/language.js';
import type { Text } from '../ui/words.js';

/** A name with what it is; what is `false` is left out. */
export type Fact = readonly [name: Text, value: ReactNode | false];

/** Names with what they are. */
export const Facts = ({ facts }: { readonly facts: readonly Fact[] }) => {
  const t = useT();
  return (
    <dl className="card facts">
      {facts
        .filter(([, value]) => value !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{t(name)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
};
