import react from '@vitejs/plugin-react';
import { defineConfig, type IndexHtmlTransformContext, type Plugin } from 'vite';

/** The files that the page's first script will import: they are fetched with it, not after it. */
const filesBehind = ({ bundle = {}, chunk }: IndexHtmlTransformContext): ReadonlySet<string> => {
  const found = new Set<string>();
  const follow = (file: string): void => {
    const one = bundle[file];
    if (one?.type !== 'chunk' || found.has(file)) return;
    found.add(file);
    for (const imported of one.imports) follow(imported);
  };
  for (const file of chunk?.dynamicImports ?? [])
    if (bundle[file]?.type === 'chunk' && /^assets\/start-/.test(file)) follow(file);
  for (const file of [chunk?.fileName ?? '', ...(chunk?.imports ?? [])]) found.delete(file);
  return found;
};

const preloadStart = (): Plugin => ({
  name: 'preload-start',
  transformIndexHtml: {
    order: 'post',
    handler: (_, context) =>
      [...filesBehind(context)].map((href) => ({
        ...{ tag: 'link', injectTo: 'head' as const },
        attrs: { rel: 'modulepreload', crossorigin: true, href },
      })),
  },
});

export default defineConfig({
  plugins: [react(), preloadStart()],
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
