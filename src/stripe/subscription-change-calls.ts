import type Stripe from 'stripe';
import { type Answer, type Caller, NotAnAnswerError } from './answer.js';
import { SUBSCRIPTION } from './billing-calls.js';

/** What becomes of invoices while collection is paused, and when the pause ends by itself (unix seconds; null: never). */
export interface CollectionPause {
  readonly behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void';
  readonly resumesAt: number | null;
}

/** New terms of a subscription's one item. */
export interface TermsRequest {
  readonly itemId: string;
  /** Undefined: the item keeps its price, which may have been archived since. */
  readonly priceId: string | undefined;
  readonly quantity: number;
  readonly proration: 'create_prorations' | 'always_invoice' | 'none';
  /** Whether the terms stand only once what they charge at once is paid. Source: Stripe docs, "Pending updates". */
  readonly waitsForPayment: boolean;
}

/** What follows a schedule's present phase, for one period of that rhythm at first. */
export interface ScheduledTerms {
  readonly priceId: string;
  readonly quantity: number;
  readonly interval: 'day' | 'week' | 'month' | 'year';
  readonly intervalCount: number;
}

/** The calls that change what a subscription comes to; all throw StripeCallError. */
export interface SubscriptionChangeCalls {
  /** Changes the price and quantity of a subscription's item. */
  changeTerms(id: string, terms: TermsRequest, idempotencyKey: string): Promise<Answer<Stripe.Subscription>>;
  /** Makes a schedule of what the subscription is, which has its present period as its one phase. */
  createSchedule(subscriptionId: string, idempotencyKey: string): Promise<Answer<Stripe.SubscriptionSchedule>>;
  /** Lets other terms follow the schedule's present phase; then the subscription goes on without it. */
  scheduleTerms(
    schedule: Stripe.SubscriptionSchedule,
    terms: ScheduledTerms,
    idempotencyKey: string,
  ): Promise<Answer<Stripe.SubscriptionSchedule>>;
  /** The subscription goes on as it is, without its schedule. */
  releaseSchedule(id: string, idempotencyKey: string): Promise<Answer<Stripe.SubscriptionSchedule>>;
  /** What the invoice of a change would be; nothing is changed. Source: Stripe docs, "Create a preview invoice". */
  previewTerms(id: string, terms: Omit<TermsRequest, 'waitsForPayment'>): Promise<Answer<Stripe.Invoice>>;
  /** Pauses the collection of its invoices, or takes the pause back (null). Source: Stripe docs, "Pause payment collection". */
  pauseCollection(
    id: string,
    pause: CollectionPause | null,
    idempotencyKey: string,
  ): Promise<Answer<Stripe.Subscription>>;
}

const itemOf = ({ itemId, priceId, quantity }: Omit<TermsRequest, 'waitsForPayment'>) => ({
  id: itemId,
  quantity,
  ...(priceId !== undefined && { price: priceId }),
});

type Phase = Stripe.SubscriptionSchedule.Phase;
type PhaseParams = Stripe.SubscriptionScheduleUpdateParams.Phase;

const referenceOf = (value: string | { readonly id: string }): string => (typeof value === 'string' ? value : value.id);

/** What a phase has beside its price: an update leaves out nothing that the subscription has. */
const kept = ({ discounts, default_tax_rates: taxes, metadata, automatic_tax: tax }: Phase): Partial<PhaseParams> => ({
  ...(discounts.length > 0 && {
    discounts: discounts.flatMap(({ coupon, discount, promotion_code: code }) =>
      discount
        ? { discount: referenceOf(discount) }
        : coupon
          ? { coupon: referenceOf(coupon) }
          : code
            ? { promotion_code: referenceOf(code) }
            : [],
    ),
  }),
  ...(taxes && taxes.length > 0 && { default_tax_rates: taxes.map(({ id }) => id) }),
  ...(metadata && Object.keys(metadata).length > 0 && { metadata }),
  ...(tax?.enabled && { automatic_tax: { enabled: true } }),
});

const phasesOf = (
  { phases, current_phase: current }: Stripe.SubscriptionSchedule,
  { priceId, quantity, interval, intervalCount }: ScheduledTerms,
): PhaseParams[] => {
  const present = phases.find(({ start_date: start }) => start === current?.start_date);
  if (!present) throw new NotAnAnswerError('a schedule that is in none of its phases');
  return [
    {
      ...kept(present),
      items: present.items.map((item) => ({ price: referenceOf(item.price), quantity: item.quantity ?? 1 })),
      start_date: present.start_date,
      end_date: present.end_date,
      ...(present.trial_end !== null && { trial_end: present.trial_end }),
    },
    {
      ...kept(present),
      items: [{ price: priceId, quantity }],
      duration: { interval, interval_count: intervalCount },
      proration_behavior: 'none',
    },
  ];
};

/** Binds the calls to one client. */
export const createSubscriptionChangeCalls = (stripe: Stripe, { read, write }: Caller): SubscriptionChangeCalls => ({
  changeTerms: (id, terms, idempotencyKey) =>
    write('subscription', (options) =>
      stripe.subscriptions.update(
        id,
        {
          items: [itemOf(terms)],
          proration_behavior: terms.proration,
          ...(terms.waitsForPayment && { payment_behavior: 'pending_if_incomplete' as const }),
          ...SUBSCRIPTION,
        },
        { ...options, idempotencyKey },
      ),
    ),

  createSchedule: (subscriptionId, idempotencyKey) =>
    write('subscription_schedule', (options) =>
      stripe.subscriptionSchedules.create({ from_subscription: subscriptionId }, { ...options, idempotencyKey }),
    ),

  scheduleTerms: (schedule, terms, idempotencyKey) =>
    write('subscription_schedule', (options) =>
      stripe.subscriptionSchedules.update(
        schedule.id,
        { end_behavior: 'release', proration_behavior: 'none', phases: phasesOf(schedule, terms) },
        { ...options, idempotencyKey },
      ),
    ),

  releaseSchedule: (id, idempotencyKey) =>
    write('subscription_schedule', (options) =>
      stripe.subscriptionSchedules.release(id, {}, { ...options, idempotencyKey }),
    ),

  previewTerms: (id, terms) =>
    read('invoice', (options) =>
      stripe.invoices.createPreview(
        {
          subscription: id,
          subscription_details: { items: [itemOf(terms)], proration_behavior: terms.proration },
        },
        options,
      ),
    ),

  pauseCollection: (id, pause, idempotencyKey) =>
    write('subscription', (options) =>
      stripe.subscriptions.update(
        id,
        {
          pause_collection:
            pause === null
              ? ''
              : {
                  behavior: pause.behavior,
                  ...(pause.resumesAt !== null && { resumes_at: pause.resumesAt }),
                },
          ...SUBSCRIPTION,
        },
        { ...options, idempotencyKey },
      ),
    ),
});
