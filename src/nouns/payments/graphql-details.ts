import type { Builder } from '../../graphql/builder.js';
import type { PaymentMethodSummary } from '../../stripe/charge-snapshot.js';
import type { InvoiceSummary } from '../../stripe/translate.js';
import { REFUND_STATES, refundState } from '../refunds/refundable.js';

/** Defines how much of a payment went back; its list is narrowed by it too. */
export const defineRefundState = (builder: Builder) =>
  builder.enumType('RefundState', {
    description: 'Of confirmed refunds: of what was received nothing, a part, all went back.',
    values: REFUND_STATES,
  });

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

const defineSummaries = (builder: Builder) => ({
  method: builder.objectRef<PaymentMethodSummary>('PaymentMethodSummary').implement({
    fields: (t) => ({
      type: t.exposeString('type', { nullable: false }),
      brand: t.exposeString('brand', { nullable: true }),
      last4: t.exposeString('last4', { nullable: true }),
      wallet: t.exposeString('wallet', { nullable: true }),
      expMonth: t.exposeInt('expMonth', { nullable: true }),
      expYear: t.exposeInt('expYear', { nullable: true }),
    }),
  }),
  invoice: builder.objectRef<InvoiceSummary>('InvoiceSummary').implement({
    fields: (t) => ({
      number: t.exposeString('number', { nullable: true }),
      hostedUrl: t.exposeString('hostedUrl', { nullable: true }),
      pdfUrl: t.exposeString('pdfUrl', { nullable: true }),
      periodStart: t.field({ type: 'DateTime', nullable: true, resolve: (invoice) => dateOf(invoice.periodStart) }),
      periodEnd: t.field({ type: 'DateTime', nullable: true, resolve: (invoice) => dateOf(invoice.periodEnd) }),
    }),
  }),
});

/** Defines what became of a payment, as far as its row knows it: no field asks Stripe. */
export const definePaymentDetails = (builder: Builder, state: ReturnType<typeof defineRefundState>): void => {
  const { method, invoice } = defineSummaries(builder);
  builder.objectFields('Payment', (t) => ({
    refundState: t.field({ type: state, nullable: false, resolve: refundState }),
    paymentMethod: t.field({
      type: method,
      nullable: true,
      description: 'The method that paid, or was last tried.',
      resolve: ({ paymentMethod }) => paymentMethod,
    }),
    receiptUrl: t.exposeString('receiptUrl', { nullable: true, description: "Stripe's receipt, once there is one." }),
    invoice: t.field({
      type: invoice,
      nullable: true,
      description: "The invoice of a recurring payment's charge.",
      resolve: (payment) => payment.invoice,
    }),
    metadata: t.field({
      type: 'JSON',
      nullable: false,
      description: 'What the app gave at pay; at most 20 keys of 40 characters, values of 500.',
      resolve: ({ metadata }) => metadata,
    }),
  }));
};
