import '../ui/theme.css';
import './console.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { LanguageProvider } from '../ui/language.js';
import { createLoads } from '../ui/load.js';
import { App } from './app.js';

const root = document.getElementById('app');
if (root)
  createRoot(root).render(
    <StrictMode>
      <LanguageProvider>
        <QueryClientProvider client={createLoads()}>
          <App />
        </QueryClientProvider>
      </LanguageProvider>
    </StrictMode>,
  );
