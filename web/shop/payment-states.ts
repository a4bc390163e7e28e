import type { Payment } from 'tollgate-client';

const OPEN: readonly string[] = ['PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'REQUIRES_CAPTURE', 'FAILED'];

/** Whether a payment may still bring money; a failed one is paid with another card. */
export const isOpen = (status: Payment['status']): boolean => OPEN.includes(status);

/** What a payment's status means for the person at the screen. */
export const MEANING: Readonly<Record<string, string>> = {
  PENDING: 'Waiting for a card.',
  REQUIRES_ACTION: 'The bank wants to hear from you before it pays.',
  PROCESSING: 'The bank is at work; that takes days. This page shows when it is done.',
  REQUIRES_CAPTURE: 'The money is reserved. Staff take it, or let it go.',
  SUCCESSFUL: 'The money has arrived.',
  FAILED: 'Nothing was charged. Try another card.',
  CANCELED: 'Nothing will be charged.',
  QUARANTINED: 'Another amount arrived than was asked for. Staff will look at it.',
};
