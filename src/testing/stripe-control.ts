import { SANDBOX_KEYS } from '../embedded/embedded-run.js';

/** What customers, banks and the clock do at the local Stripe of a test. */
export interface StripeControl {
  /** Confirms as a customer with this payment method; a decline is Stripe's answer, no failure. */
  confirm(paymentIntentId: string | null, card: string): Promise<void>;
  /** The price of a new product that is charged every month. */
  monthlyPrice(amount: number | undefined, currency: string | undefined): Promise<string>;
  /** Answers when all that was due has happened and been delivered. */
  advance(seconds: number): Promise<void>;
  dispute(paymentIntentId: string | null): Promise<void>;
}

/** A refusal of the local Stripe. */
interface Refusal {
  readonly error?: { readonly message?: string };
}

/** Builds the hand that moves the sandbox at this address. */
export const createStripeControl = (url: string): StripeControl => {
  const send = async (path: string, init: RequestInit, accepts: (status: number) => boolean) => {
    const response = await fetch(`${url}${path}`, { method: 'POST', ...init });
    const answer = (await response.json()) as { id?: string } & Refusal;
    if (!accepts(response.status))
      throw new Error(
        `The local Stripe answered ${response.status} to ${path}: ${answer.error?.message ?? 'no reason'}`,
      );
    return answer;
  };
  const api = (path: string, form: Record<string, string>, accepts = (status: number): boolean => status === 200) =>
    send(
      path,
      { body: new URLSearchParams(form), headers: { authorization: `Bearer ${SANDBOX_KEYS.secretKey}` } },
      accepts,
    );
  const control = (path: string, body: object) =>
    send(
      `/_sandbox${path}`,
      { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
      (status) => status < 300,
    );

  return {
    async confirm(paymentIntentId, card) {
      const form = { payment_method: card, return_url: 'https://shop.example/return' };
      await api(
        `/v1/payment_intents/${paymentIntentId}/confirm`,
        form,
        (status): boolean => status === 200 || status === 402,
      );
    },
    async monthlyPrice(amount, currency) {
      if (amount === undefined || currency === undefined)
        throw new Error('The order table says no amount or currency: give both.');
      const { id } = await api('/v1/prices', {
        currency: currency.toLowerCase(),
        unit_amount: String(amount),
        'recurring[interval]': 'month',
        'product_data[name]': 'A test',
      });
      return id ?? '';
    },
    async advance(advanceSeconds) {
      await control('/clock', { advanceSeconds });
    },
    async dispute(paymentIntentId) {
      await control('/disputes', { payment_intent: paymentIntentId });
    },
  };
};
