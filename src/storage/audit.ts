import type { Statement } from './database.js';

/** Keeps who changed what of the installation, in the transaction of the change; `detail` holds no secret. */
export const writeAudit = (actor: string, action: string, detail: object): Statement => ({
  text: 'insert into tollgate.audit (actor, action, detail) values ($1, $2, $3)',
  values: [actor, action, JSON.stringify(detail)],
});

/** A change and its entry in one statement; where nothing changes, nothing is kept. */
export const audited = (
  { text, values = [] }: Statement,
  { actor, action, detail }: { readonly actor: string; readonly action: string; readonly detail: object },
): Statement => {
  const at = values.length;
  return {
    text: `with done as (${text} returning 1)
      insert into tollgate.audit (actor, action, detail) select $${at + 1}, $${at + 2}, $${at + 3}::jsonb from done limit 1`,
    values: [...values, actor, action, JSON.stringify(detail)],
  };
};
