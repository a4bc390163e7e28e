import type { SavedPaymentMethod } from 'tollgate-client';
import { useAction } from '../ui/action.js';
import { useLoaded } from '../ui/load.js';
import { ErrorNotice } from '../ui/notice.js';
import { useSession } from './session.js';

/** A saved method in words. */
const nameOf = ({ brand, type, last4 }: SavedPaymentMethod): string =>
  last4 === null ? (brand ?? type) : `${brand ?? type} ending in ${last4}`;

/** Pays with a card that the customer has saved, and lets them remove it; nothing where none is saved. */
export const SavedCards = ({ pay }: { readonly pay: (method: SavedPaymentMethod) => Promise<void> }) => {
  const { tollgate, isAdmin } = useSession();
  const saved = useLoaded('saved methods', tollgate.savedPaymentMethods);
  if (isAdmin || !saved.value || saved.value.length === 0) return null;
  return (
    <fieldset className="stack tight">
      <legend>Saved cards</legend>
      <ul className="rows">
        {saved.value.map((method) => (
          <SavedCard
            key={method.id}
            method={method}
            pay={() => pay(method)}
            remove={async () => {
              await tollgate.removePaymentMethod(method.id);
              saved.reload();
            }}
          />
        ))}
      </ul>
    </fieldset>
  );
};

const SavedCard = (props: {
  readonly method: SavedPaymentMethod;
  readonly pay: () => Promise<void>;
  readonly remove: () => Promise<void>;
}) => {
  const pay = useAction(props.pay);
  const remove = useAction(props.remove);
  const name = nameOf(props.method);
  return (
    <li>
      <span className="grow">{name}</span>
      <button type="button" disabled={pay.busy} onClick={pay.run} aria-label={`Pay with ${name}`}>
        {pay.busy ? 'Paying …' : 'Pay with it'}
      </button>
      <button type="button" className="quiet" disabled={remove.busy} onClick={remove.run} aria-label={`Remove ${name}`}>
        Remove
      </button>
      <ErrorNotice error={pay.error ?? remove.error} />
    </li>
  );
};
