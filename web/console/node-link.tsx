const PLACES: Readonly<Record<string, string>> = {
  PAYMENT: 'payments',
  DISPUTE: 'disputes',
  RECURRING_PAYMENT: 'recurring',
};

/** A row by its kind and id: a link where the console has a page of it. */
export const NodeLink = ({ type, id }: { readonly type: string | null; readonly id: string | null }) => {
  if (type === null || id === null) return null;
  const place = PLACES[type];
  return place === undefined ? `${type} ${id}` : <a href={`#/${place}/${encodeURIComponent(id)}`}>No. {id}</a>;
};

/** An account, with the way to all that it has; nothing where nobody is known. */
export const AccountLink = ({ id }: { readonly id: string | null }) =>
  id !== null && <a href={`#/accounts/${encodeURIComponent(id)}`}>{id}</a>;
