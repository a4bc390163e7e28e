import { type RefObject, useEffect, useRef, useState } from 'react';

/** The width of an element in CSS pixels, kept up to date; `initial` until it is known. */
export const useWidth = <Part extends HTMLElement>(initial: number): readonly [RefObject<Part | null>, number] => {
  const part = useRef<Part>(null);
  const [width, setWidth] = useState(initial);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.round(entry.contentRect.width)));
    if (part.current) observer.observe(part.current);
    return () => observer.disconnect();
  }, []);
  return [part, width];
};
