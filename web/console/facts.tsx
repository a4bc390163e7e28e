import type { ReactNode } from 'react';

/** Names with what they are; what is `false` is left out. */
export const Facts = ({
  facts,
}: {
  readonly facts: readonly (readonly [name: string, value: ReactNode | false])[];
}) => (
  <dl className="card facts">
    {facts
      .filter(([, value]) => value !== false)
      .map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
  </dl>
);
