/** The names of what is published; each message is the JSON of the row in its newest version. */
export const topics = {
  payment: (id: string): string => `tollgate:payment:${id}`,
  orderPayments: (orderId: string): string => `tollgate:order:${orderId}`,
  refund: (id: string): string => `tollgate:refund:${id}`,
  refunds: (paymentId: string): string => `tollgate:refunds:${paymentId}`,
  recurringPayment: (id: string): string => `tollgate:recurring:${id}`,
  /** Roles or settings changed: caches of every process are stale. */
  settings: (): string => 'tollgate:settings',
} as const;
