import { useState } from 'react';

/** A button that does one thing at a time, and says what was refused. */
export const Action = ({ name, act }: { name: string; act(): Promise<unknown> }) => {
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState('');
  const press = async (): Promise<void> => {
    setBusy(true);
    setRefusal('');
    try {
      await act();
    } catch (error) {
      setRefusal(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button type="button" disabled={isBusy} onClick={press}>
        {name}
      </button>
      {refusal && <p role="alert">{refusal}</p>}
    </>
  );
};
