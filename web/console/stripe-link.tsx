import { useT } from '../ui/language.js';
import { useLoaded } from '../ui/load.js';
import { Id } from './copy.js';
import { SandboxDocument } from './operations.js';
import { useTollgate } from './session.js';

/** Where Stripe's dashboard shows each kind of object. */
const PLACES = { payment: 'payments', subscription: 'subscriptions', dispute: 'disputes' } as const;

/** Stripe's id of an object, with the way to it in Stripe's dashboard; the sandbox has none. */
export const StripeLink = (props: {
  readonly of: keyof typeof PLACES;
  readonly id: string | null;
  readonly livemode: boolean;
}) => {
  const { of, id, livemode } = props;
  const { request } = useTollgate();
  const t = useT();
  const { value } = useLoaded('sandbox', () => request(SandboxDocument, {}));
  if (id === null) return t('not there yet');
  return (
    <>
      <Id>{id}</Id>
      {value && value.sandboxUrl === null && (
        <>
          {' '}
          <a
            href={`https://dashboard.stripe.com/${livemode ? '' : 'test/'}${PLACES[of]}/${id}`}
            target="_blank"
            rel="noreferrer"
          >
            {t('Open in Stripe’s dashboard')}
          </a>
        </>
      )}
    </>
  );
};
