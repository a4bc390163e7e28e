import type { Connection, Tollgate } from 'tollgate-client';
import { useConnection } from 'tollgate-client/react';
import { useT } from './language.js';
import type { Text } from './words.js';

const WORDS: Readonly<Record<Exclude<Connection, 'idle'>, Text>> = {
  connecting: 'Connecting …',
  open: 'Live',
  lost: 'Reconnecting …',
};

/** Says whether what the page shows is live at this moment. */
export const ConnectionNote = ({ tollgate }: { readonly tollgate: Pick<Tollgate, 'connection'> }) => {
  const t = useT();
  const connection = useConnection(tollgate);
  return (
    <span className={`connection ${connection}`} role="status" data-connection={connection}>
      {connection === 'idle' ? '' : t(WORDS[connection])}
    </span>
  );
};
