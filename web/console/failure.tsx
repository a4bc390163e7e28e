import { Component, type ReactNode } from 'react';

/** Keeps a fault of one page from blanking the others. */
export class PageBoundary extends Component<{ readonly children: ReactNode }, { readonly error: Error | undefined }> {
  override state: { readonly error: Error | undefined } = { error: undefined };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <section className="card stack" role="alert">
        <h1>This page has a fault of its own.</h1>
        <p>Nothing was changed by it. Reload, or go to another page; please report it with what you did.</p>
        <pre className="notice bad">{this.state.error.message}</pre>
      </section>
    );
  }
}
