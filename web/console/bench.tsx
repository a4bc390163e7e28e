import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createTokens, TollgateError } from 'tollgate-client';
import { useAction } from 'tollgate-client/react';
import { Field } from '../ui/field.js';
import { useT } from '../ui/language.js';
import { readAgain } from '../ui/load.js';
import { DoneNotice, ErrorNotice } from '../ui/notice.js';
import { useTitle } from '../ui/route.js';
import type { Text } from '../ui/words.js';
import { Id } from './copy.js';
import { fetchDemoToken } from './login.js';

const DAY_SECONDS = 86_400;

/** Test cards by what they do; source: Stripe docs, "Test card numbers". */
const CARDS: readonly (readonly [number: string, does: Text])[] = [
  ['4242 4242 4242 4242', 'pays'],
  ['4000 0000 0000 0002', 'is declined'],
  ['4000 0000 0000 9995', 'has too little money'],
  ['4000 0025 0000 3155', 'asks the bank'],
  ['4000 0000 0000 0341', 'can be saved, then is declined'],
];

/** What goes wrong next, as the sandbox takes it. */
const FAULTS: readonly (readonly [does: Text, fault: object])[] = [
  ['Stripe answers three calls with an error', { kind: 'status', status: 500, times: 3, match: { method: 'POST' } }],
  [
    'Stripe does the next call, and its answer is lost',
    { kind: 'disconnect-after-apply', times: 1, match: { method: 'POST' } },
  ],
  ['The next five events come twice', { kind: 'duplicate', times: 5 }],
  ['The next event does not come', { kind: 'drop', times: 1 }],
];

/** Sets something off in the sandbox. */
const createSandbox = () => {
  const { current } = createTokens(fetchDemoToken);
  return async (door: string, body: object): Promise<void> => {
    const headers = { authorization: `Bearer ${await current()}` };
    const response = await fetch(`demo/${door}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (response.ok) return;
    const { error } = (await response.json()) as { error?: { code?: string; message?: string } };
    throw new TollgateError(error?.code ?? 'INTERNAL', error?.message ?? `${response.status}`);
  };
};

interface Doing {
  readonly does: string;
  readonly door: string;
  readonly body: object;
  /** What is said afterwards. */
  readonly done: string;
  readonly isReady?: boolean;
}

/** A button that sets something off and says so. */
const Doer = ({ doing }: { readonly doing: Doing }) => {
  const { does, door, body, done, isReady = true } = doing;
  const loads = useQueryClient();
  const [sandbox] = useState(createSandbox);
  const [isDone, setDone] = useState(false);
  const action = useAction(async () => {
    setDone(false);
    await sandbox(door, body);
    await readAgain(loads);
    setDone(true);
  });
  return (
    <div className="deed stack tight">
      <button type="button" disabled={action.busy || !isReady} aria-busy={action.busy} onClick={action.run}>
        {does}
      </button>
      {isDone && <DoneNotice>{done}</DoneNotice>}
      <ErrorNotice error={action.error} />
    </div>
  );
};

/** A bench for trying, in a run with the sandbox: time passes, things go wrong, customers dispute. */
export const BenchPage = () => {
  const t = useT();
  useTitle(t('Try things out'));
  const [intent, setIntent] = useState('');
  const skip = (does: string, days: number): Doing => ({
    ...{ does, door: 'clock', body: { advanceSeconds: days * DAY_SECONDS } },
    done: t('What was due has happened.'),
  });
  return (
    <>
      <h1>{t('Try things out')}</h1>
      <p className="lead">{t('The sandbox stands in for Stripe here: no real money moves.')}</p>
      <section className="card stack" aria-labelledby="clock">
        <h2 id="clock">{t('Time')}</h2>
        <div className="row">
          <Doer doing={skip(t('A day passes'), 1)} />
          <Doer doing={skip(t('A month passes'), 32)} />
        </div>
      </section>
      <section className="card stack" aria-labelledby="dispute">
        <h2 id="dispute">{t('Disputes')}</h2>
        <Field
          label={t('Stripe’s id of a payment')}
          placeholder="pi_…"
          value={intent}
          onChange={(event) => setIntent(event.target.value.trim())}
        />
        <Doer
          doing={{
            does: t('The customer disputes it'),
            door: 'disputes',
            body: { paymentIntentId: intent },
            done: t('Disputed.'),
            isReady: intent.startsWith('pi_'),
          }}
        />
      </section>
      <section className="card stack" aria-labelledby="faults">
        <h2 id="faults">{t('Faults')}</h2>
        <div className="row">
          {FAULTS.map(([does, fault]) => (
            <Doer key={does} doing={{ does: t(does), door: 'faults', body: fault, done: t('It will.') }} />
          ))}
        </div>
      </section>
      <section className="card stack" aria-labelledby="cards">
        <h2 id="cards">{t('Test cards')}</h2>
        <ul className="rows">
          {CARDS.map(([number, does]) => (
            <li key={number}>
              <Id>{number}</Id> <span className="soft">{t(does)}</span>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
};
