import { useAction, useSavedPaymentMethods } from './hooks.js';
import type { SavedPaymentMethod } from './methods.js';
import { ActionButton, AskingButton, ErrorText } from './parts.js';
import { useSurroundings } from './provider.js';
import { fill, type Texts } from './texts.js';

/** A saved method in words. */
const nameOf = (texts: Texts, { brand, type, last4 }: SavedPaymentMethod): string =>
  last4 === null ? (brand ?? type) : fill(texts['saved.name'], { brand: brand ?? type, last4 });

/** Pays with a method that the customer has saved, and lets them remove it; nothing where none is saved, or none may be. */
export const SavedMethods = ({ pay }: { readonly pay: (method: SavedPaymentMethod) => Promise<unknown> }) => {
  const { texts } = useSurroundings();
  const { value, remove } = useSavedPaymentMethods();
  if (!value || value.length === 0) return null;
  return (
    <fieldset className="tollgate-stack">
      <legend className="tollgate-legend">{texts['saved.title']}</legend>
      <ul className="tollgate-list">
        {value.map((method) => (
          <Method key={method.id} method={method} pay={() => pay(method)} remove={() => remove(method.id)} />
        ))}
      </ul>
    </fieldset>
  );
};

const Method = (props: {
  readonly method: SavedPaymentMethod;
  readonly pay: () => Promise<unknown>;
  readonly remove: () => Promise<unknown>;
}) => {
  const { texts } = useSurroundings();
  const pay = useAction(props.pay);
  const remove = useAction(props.remove);
  const method = nameOf(texts, props.method);
  return (
    <li className="tollgate-item">
      <span className="tollgate-grow">{method}</span>
      <ActionButton action={pay} label={fill(texts['saved.payNamed'], { method })}>
        {texts[pay.busy ? 'pay.paying' : 'saved.pay']}
      </ActionButton>
      <AskingButton
        action={remove}
        does={texts['saved.remove']}
        label={fill(texts['saved.removeNamed'], { method })}
        explains={texts['saved.removeAsk']}
        yes={texts['saved.removeYes']}
        no={texts['pay.cancelNo']}
      />
      <ErrorText error={pay.error ?? remove.error} />
    </li>
  );
};
