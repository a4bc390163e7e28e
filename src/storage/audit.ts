import type { Statement } from './database.js';

/** Keeps who changed what of the installation, in the transaction of the change; `detail` holds no secret. */
export const writeAudit = (actor: string, action: string, detail: object): Statement => ({
  text: 'insert into tollgate.audit (actor, action, detail) values ($1, $2, $3)',
  values: [actor, action, JSON.stringify(detail)],
});
