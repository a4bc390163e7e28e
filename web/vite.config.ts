import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // Addresses without a slash in front: a proxy may have the pages below a path of its own.
  experimental: { renderBuiltUrl: (file, { hostType }) => (hostType === 'html' ? file : { relative: true }) },
  build: {
    target: 'es2022',
    // The content security policy allows no inline script, and data: addresses only for images.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: { input: { shop: 'index.html', console: 'console/index.html' } },
  },
});
