import { onScopeDispose, type ShallowRef, shallowRef } from 'vue';
import type { Store } from './stores.js';

/** What a store holds, as a ref that follows it until the component, or the effect scope, ends. */
export const useStore = <State>(store: Store<State>): Readonly<ShallowRef<State>> => {
  const state = shallowRef(store.get());
  onScopeDispose(
    store.subscribe(() => {
      state.value = store.get();
    }),
  );
  state.value = store.get();
  return state;
};
