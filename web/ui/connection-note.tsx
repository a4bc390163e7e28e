import type { Tollgate } from 'tollgate-client';
import { useConnection } from 'tollgate-client/react';

const WORDS = { idle: '', connecting: 'Connecting …', open: 'Live', lost: 'Reconnecting …' };

/** Says whether what the page shows is live at this moment. */
export const ConnectionNote = ({ tollgate }: { readonly tollgate: Tollgate }) => {
  const connection = useConnection(tollgate);
  return (
    <span className={`connection ${connection}`} role="status" data-connection={connection}>
      {WORDS[connection]}
    </span>
  );
};
