// The package's front door: what `import … from 'tollgate-client'` gives.
export { allOf, type Client, type ClientOptions, createTollgateClient, newKey, type Page } from './client.js';
export type { Document, Operation, TypedNode, TypedString } from './document.js';
export { TollgateError, toTollgateError } from './errors.js';
export type { Connection } from './live.js';
export * from './methods.js';
export { decimalsOf, formatMoney, parseMoney, toFieldText } from './money.js';
export * from './payments.js';
export * from './recurring.js';
export * from './refunds.js';
export type { Request, RequestOptions } from './requests.js';
export type { RowStream, Versioned } from './row-stream.js';
export { hasEnded, isOpen, type Tone, takesMethod, toneOf } from './statuses.js';
export { createTokens, type TokenSource, type Tokens } from './tokens.js';
export { createTollgate, type Tollgate } from './tollgate.js';
