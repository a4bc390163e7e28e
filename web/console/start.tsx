import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { LanguageProvider } from '../ui/language.js';
import { createLoads } from '../ui/load.js';
import type { Ahead } from './ahead.js';
import { App } from './app.js';

/** Shows the console in the place of what the page's file paints. */
export const start = (root: HTMLElement, ahead: Ahead): void =>
  createRoot(root).render(
    <StrictMode>
      <LanguageProvider>
        <QueryClientProvider client={createLoads()}>
          <App ahead={ahead} />
        </QueryClientProvider>
      </LanguageProvider>
    </StrictMode>,
  );
