import { randomUUID } from 'node:crypto';

/** Random letters and digits, `length` of them (at most 27). */
export const randomText = (length: number): string => randomUUID().replaceAll('-', '').slice(-length);

/** A fresh id like Stripe's, such as `ch_1…`, never given twice. */
export const newId = (prefix: string): string => `${prefix}_1${randomText(23)}`;
