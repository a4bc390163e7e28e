import { useId, useState } from 'react';
import { formatMoney, parseMoney, toFieldText } from 'tollgate-client';
import { useAction } from 'tollgate-client/react';
import { Field } from '../ui/field.js';
import { ErrorNotice } from '../ui/notice.js';
import { goTo } from '../ui/route.js';
import type { Price, Stock } from './back-end.js';
import { CURRENCIES, productsOf } from './products.js';
import { useSession } from './session.js';

/** Chooses a product, an amount and a currency, and places the order. */
export const OrderForm = ({ price, stock }: { readonly price: Price | null; readonly stock: Stock }) => {
  const { backEnd } = useSession();
  const products = productsOf(price);
  const [chosen, setChosen] = useState(0);
  const [amountText, setAmountText] = useState<string>();
  const [otherCurrency, setOtherCurrency] = useState<string>();
  const product = products[chosen] ?? products[0];
  const currency = otherCurrency ?? product?.currency ?? 'USD';
  const text = amountText ?? toFieldText(product?.amount ?? 0, product?.currency ?? currency);
  const amount = parseMoney(text, currency);
  const monthly = product?.price;

  const place = useAction(async () => {
    if (amount === undefined || !product) return;
    const { name, isLimited } = product;
    const id = await backEnd.createOrder({ amount, currency, description: name, product: isLimited ? name : null });
    goTo(monthly ? 'subscriptions' : 'orders', id);
  });

  return (
    <form
      className="card stack"
      aria-label="New order"
      onSubmit={(event) => {
        event.preventDefault();
        place.run();
      }}
    >
      <fieldset className="products">
        <legend>Product</legend>
        {products.map(({ name, about, amount: asked, currency: unit, price: isMonthly }, index) => (
          <label key={name} className="product">
            <input
              type="radio"
              name="product"
              checked={index === chosen}
              onChange={() => {
                setChosen(index);
                setAmountText(undefined);
                setOtherCurrency(undefined);
              }}
            />
            <span className="name">{name}</span>
            <span className="soft">
              {about}
              {leftOf(stock[name])}
            </span>
            <span className="price">
              {formatMoney(asked, unit)}
              {isMonthly ? ` a ${isMonthly.interval}` : ''}
            </span>
          </label>
        ))}
      </fieldset>
      <div className="row">
        <Field
          label="Amount"
          inputMode="decimal"
          value={text}
          disabled={monthly !== undefined}
          onChange={(event) => setAmountText(event.target.value)}
          {...(monthly && { hint: 'The price decides' })}
          problem={
            amount === undefined
              ? `Write an amount in ${currency}, such as ${toFieldText(1_000, currency)}.`
              : undefined
          }
        />
        <CurrencyField value={currency} disabled={monthly !== undefined} onChange={setOtherCurrency} />
      </div>
      <button className="primary" type="submit" disabled={place.busy || amount === undefined}>
        Place the order
      </button>
      <ErrorNotice error={place.error} />
    </form>
  );
};

/** It may be ordered all the same: the payment is what the shop declines. */
const leftOf = (pieces: number | undefined): string =>
  pieces === undefined ? '' : pieces === 0 ? ' · Sold out' : ` · ${pieces} left`;

const CurrencyField = (props: {
  readonly value: string;
  readonly disabled: boolean;
  readonly onChange: (currency: string) => void;
}) => {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Currency</label>
      <select
        id={id}
        value={props.value}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.target.value)}
      >
        {CURRENCIES.map((currency) => (
          <option key={currency}>{currency}</option>
        ))}
      </select>
    </div>
  );
};
