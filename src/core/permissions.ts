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
  'RECURRING_CHANGE',
  'PAYMENT_METHOD_MANAGE',
  'DISPUTE_READ',
  'OUTGOING_WEBHOOK_MANAGE',
  'AUDIT_READ',
  'SETTINGS_READ',
  'SETTINGS_MANAGE',
  'ROLE_MANAGE',
  'EVENT_READ',
  'EVENT_REPLAY',
  'DOCUMENT_ANY',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** What some of them mean beyond their names, in the contract's words. */
export const PERMISSION_MEANINGS: Partial<Readonly<Record<Permission, string>>> = {
  RECURRING_CHANGE: 'Change price or quantity, pause, resume collection: an app decides whether its customers may.',
  PAYMENT_METHOD_MANAGE:
    "One's own saved payment methods and customer portal; another account's needs PAYMENT_MANAGE too.",
  DOCUMENT_ANY: 'Send GraphQL documents that the manifest does not list, where the server runs listed ones only.',
};

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
    'PAYMENT_METHOD_MANAGE',
  ],
  admin: PERMISSIONS,
};
