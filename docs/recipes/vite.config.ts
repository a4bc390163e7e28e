import fs from 'node:fs';
import path from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';
import { relay } from './relay/plugin.ts';

/** Each folder with a page is a recipe; all are built at once. */
const pages = fs
  .readdirSync(import.meta.dirname)
  .map((folder) => path.join(import.meta.dirname, folder, 'index.html'))
  .filter((page) => fs.existsSync(page));

export default defineConfig({
  plugins: [relay(), vue(), svelte({ configFile: false })],
  // Your own back end; here the embedded run's demo door.
  server: { proxy: { '/demo': process.env['VITE_TOLLGATE_URL'] ?? 'http://127.0.0.1:4000' } },
  resolve: { alias: { 'react-native': 'react-native-web' } },
  build: { target: 'es2022', rolldownOptions: { input: pages } },
});
