import { Component, type ReactNode } from 'react';
import { useT } from '../ui/language.js';

/** Keeps a fault of one page from blanking the others. */
export class PageBoundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | undefined }> {
  override state: { readonly error: Error | undefined } = { error: undefined };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    return this.state.error ? <Fault error={this.state.error} /> : this.props.children;
  }
}

const Fault = ({ error }: { readonly error: Error }) => {
  const t = useT();
  return (
    <section className="card stack" role="alert">
      <h1>{t('This page has a fault of its own.')}</h1>
      <p>{t('Nothing was changed by it. Reload, or go to another page; please report it with what you did.')}</p>
      <pre className="notice bad">{error.message}</pre>
    </section>
  );
};
