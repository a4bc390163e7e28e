import type { Price } from './back-end.js';

/** Something to buy; amounts in the currency's smallest unit. */
export interface Product {
  readonly name: string;
  readonly about: string;
  readonly amount: number;
  readonly currency: string;
  /** The shop has so many pieces and no more: an order takes one from its shelf. */
  readonly isLimited?: true;
  /** There for what is paid by the month. */
  readonly price?: Price;
}

const ONCE: readonly Product[] = [
  { name: 'Stoneware mug', about: 'Holds a proper coffee', amount: 1_800, currency: 'USD' },
  { name: 'Print of the harbour', about: 'On heavy paper', amount: 3_500, currency: 'EUR' },
  { name: 'Tin of sencha', about: 'Yen have no cents', amount: 2_400, currency: 'JPY' },
  { name: 'Signed print', about: 'Until they are gone', amount: 4_200, currency: 'USD', isLimited: true },
];

/** Everything on sale; what is paid by the month only where there is a price for it. */
export const productsOf = (price: Price | null): readonly Product[] => [
  ...ONCE,
  ...(price ? [{ ...price, about: 'A bag every month, until you cancel', price }] : []),
];

/** The currencies that the form offers; Tollgate takes any that Stripe can charge in. */
export const CURRENCIES: readonly string[] = ['USD', 'EUR', 'GBP', 'JPY', 'KWD'];
