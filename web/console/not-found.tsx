import { useTitle } from '../ui/route.js';

/** What is shown where an address leads to nothing, with a way back. */
export const NotFound = ({ what, back }: { readonly what: string; readonly back: string }) => {
  useTitle('Not found');
  return (
    <section className="card stack" data-code="NOT_FOUND">
      <h1>There is no {what}.</h1>
      <p>
        It may be another installation's, or the address has a slip. <a href={`#/${back}`}>Go back</a>
      </p>
    </section>
  );
};
