import { Fragment } from 'react';

/** A long name may be broken after each part. */
const PART = /[^._]*[._]|[^._]+/g;

/** A name such as "payment_intent.succeeded", which may take two lines. */
export const Breakable = ({ children }: { readonly children: string }) => (
  <span className="breakable">
    {[...children.matchAll(PART)].map(({ 0: part, index }) => (
      <Fragment key={index}>
        {part}
        <wbr />
      </Fragment>
    ))}
  </span>
);
