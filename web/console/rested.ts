import { useEffect, useState } from 'react';

const REST_MS = 400;

/** A text that is being typed, once it has rested: Stripe isn't asked at each letter. */
export const useRested = (text: string): string => {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), REST_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
};
