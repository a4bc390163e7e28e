import { useState } from 'react';
import { useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Waiting } from '../ui/notice.js';
import { WebhookEventDocument } from './operations.js';
import { useTollgate } from './session.js';
import { useMay } from './viewer.js';

/** What Stripe said, beside what it changed; read when it is opened. */
export const RawEvent = ({ id }: { readonly id: string }) => {
  const may = useMay();
  const t = useT();
  const [isOpen, setOpen] = useState(false);
  if (!may('EVENT_READ')) return null;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('What Stripe said')}</summary>
      {isOpen && <Payload id={id} />}
    </details>
  );
};

const Payload = ({ id }: { readonly id: string }) => {
  const { request } = useTollgate();
  const t = useT();
  const read = async () => (await request(WebhookEventDocument, { id })).webhookEvent;
  const { value, error } = useLoaded(`raw ${id}`, read);
  if (value === undefined) return <Waiting error={error} />;
  if (value === null) return <p className="soft">{t('This event is no longer kept.')}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard.
    <pre className="payload" tabIndex={0}>
      {JSON.stringify(value.payload, null, 2)}
    </pre>
  );
};
