import type { Store } from './stores.js';

/** What Svelte's `$store` reads: calls back at once, and at each change. */
export interface Readable<State> {
  subscribe(run: (state: State) => void): () => void;
}

/** A store as Svelte's store contract asks for; see its documentation of `svelte/store`. */
export const toReadable = <State>(store: Store<State>): Readable<State> => ({
  subscribe: (run) => {
    const stop = store.subscribe(() => run(store.get()));
    run(store.get());
    return stop;
  },
});
