import { useState } from 'react';
import { Field } from '../ui/field.js';
import { useLanguage } from '../ui/language.js';
import { Id } from './copy.js';
import { Deed } from './deed.js';
import {
  CreateOutgoingDocument,
  DeleteOutgoingDocument,
  type OutgoingFieldsFragment,
  RotateOutgoingDocument,
  TestOutgoingDocument,
  UpdateOutgoingDocument,
} from './operations.js';
import { useTollgate } from './session.js';

/** Words of a list as they are typed: with commas or spaces between them. */
const wordsIn = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** A secret that is shown this once; it is gone with the page. */
const Secret = ({ secret }: { readonly secret: string }) => {
  const { t } = useLanguage();
  return (
    <div className="notice good" role="status">
      <p>{t('Keep this secret now: it is shown once. The receiver checks signatures with it.')}</p>
      <Id>{secret}</Id>
    </div>
  );
};

export const AddEndpoint = ({ onDone }: { readonly onDone: () => void }) => {
  const { request } = useTollgate();
  const { t } = useLanguage();
  const [url, setUrl] = useState('');
  const [types, setTypes] = useState('payment.updated refund.updated order.paid');
  const [description, setDescription] = useState('');
  const [secret, setSecret] = useState<string>();
  return (
    <section className="card stack" aria-label={t('Another endpoint')}>
      <Deed
        does={t('Add an endpoint')}
        yes={t('Yes, add it')}
        explains={t('Changes are told there as Standard Webhooks: signed, retried, logged.')}
        isReady={url !== '' && wordsIn(types).length > 0}
        run={async () => {
          const input = { url, eventTypes: wordsIn(types), ...(description !== '' && { description }) };
          setSecret((await request(CreateOutgoingDocument, { input })).createOutgoingWebhook.secret);
          setUrl('');
          onDone();
          return undefined;
        }}
      >
        <Field label={t('Address')} type="url" value={url} onChange={(event) => setUrl(event.target.value)} />
        <Field
          label={t('Types of messages')}
          value={types}
          onChange={(event) => setTypes(event.target.value)}
          hint={t('With spaces between them.')}
        />
        <Field
          label={t('Description (optional)')}
          value={description}
          onChange={(event) => setDescription(event.target.value)}
        />
      </Deed>
      {secret !== undefined && <Secret secret={secret} />}
    </section>
  );
};

/** What may be done with one endpoint. */
export const EndpointDeeds = (props: { readonly webhook: OutgoingFieldsFragment; readonly onDone: () => void }) => {
  const { webhook, onDone } = props;
  const { id, url, eventTypes, enabled, description } = webhook;
  const { request } = useTollgate();
  const { t } = useLanguage();
  const [secret, setSecret] = useState<string>();
  return (
    <>
      <div className="row">
        <Deed
          does={t('Send a test')}
          yes={t('Yes, send a test')}
          explains={t('A message of the type "test" is sent now.')}
          run={async () => {
            const { status, lastStatusCode, lastError } = (await request(TestOutgoingDocument, { id }))
              .testOutgoingWebhook.delivery;
            return status === 'DELIVERED'
              ? t('Delivered: the endpoint answered {status}.', { status: lastStatusCode ?? '' })
              : t('Not delivered: {why}', { why: lastError ?? `${lastStatusCode}` });
          }}
        />
        <Deed
          does={enabled ? t('Switch off') : t('Switch on')}
          yes={enabled ? t('Yes, switch it off') : t('Yes, switch it on')}
          explains={
            enabled
              ? t('Nothing more is sent there until it is switched on again.')
              : t('What changes from now on is sent there.')
          }
          run={async () => {
            await request(UpdateOutgoingDocument, {
              id,
              input: { url, eventTypes: [...eventTypes], description, enabled: !enabled },
            });
            onDone();
            return undefined;
          }}
        />
        <Deed
          does={t('Another secret')}
          yes={t('Yes, make another secret')}
          explains={t('The old secret signs too for a day.')}
          run={async () => {
            setSecret((await request(RotateOutgoingDocument, { id })).rotateOutgoingWebhookSecret.secret);
            return undefined;
          }}
        />
        <Deed
          does={t('Delete')}
          yes={t('Yes, delete it')}
          explains={t('Its messages and its log go with it. This is for good.')}
          run={async () => {
            await request(DeleteOutgoingDocument, { id });
            onDone();
            return undefined;
          }}
        />
      </div>
      {secret !== undefined && <Secret secret={secret} />}
    </>
  );
};
