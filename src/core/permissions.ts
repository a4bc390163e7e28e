/** Every permission, in the contract's order. */
export const PERMISSIONS = [
  'PUBLIC',
  'PAYMENT_CREATE',
  'PAYMENT_READ',
  'PAYMENT_READ_ANY',
  'PAYMENT_MANAGE',
  'REFUND_CREATE',
  'REFUND_READ',
  'REFUND_READ_ANY',
  'RECURRING_CREATE',
  'RECURRING_CANCEL',
  'RECURRING_READ',
  'RECURRING_READ_ANY',
  'DISPUTE_READ',
  'OUTGOING_WEBHOOK_MANAGE',
  'AUDIT_READ',
  'SETTINGS_READ',
  'SETTINGS_MANAGE',
  'ROLE_MANAGE',
  'EVENT_READ',
  'EVENT_REPLAY',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** The roles that every installation has from its first migration, with what they may do. */
export const DEFAULT_GRANTS: Readonly<Record<'anonymous' | 'logged_in' | 'admin', readonly Permission[]>> = {
  anonymous: ['PUBLIC'],
  logged_in: [
    'PUBLIC',
    'PAYMENT_CREATE',
    'PAYMENT_READ',
    'REFUND_READ',
    'RECURRING_CREATE',
    'RECURRING_CANCEL',
    'RECURRING_READ',
  ],
  admin: PERMISSIONS,
};
