import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vite';
import { patchGraphiQL } from './graphiql_patches.ts';

// The page is at PREFIX/graphql, its files at PREFIX/graphql/assets, and nobody knows the prefix.
// Where the page has another name than graphql, the server replaces that here.
const BASE = 'graphql/';
// The server replaces this by the nonce of the response.
const NONCE = 'CSP_NONCE';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Writes NAME.gz beside each asset that gzip makes smaller, for clients that accept gzip. */
function gzip(): Plugin {
  return {
    name: 'gzip',
    apply: 'build',
    // Before this hook, Vite has not finished the code.
    async writeBundle({ dir = '' }, bundle) {
      for (const name of Object.keys(bundle).filter((name) => name.startsWith('assets/'))) {
        const content = await readFile(`${dir}/${name}`);
        const compressed = gzipSync(content, { level: 9 });
        if (compressed.length < content.length) await writeFile(`${dir}/${name}.gz`, compressed);
      }
    },
  };
}

/** Moves the stylesheet behind the first view, which would otherwise wait for it. */
function paintFirstView(): Plugin {
  const stylesheet = /\s*<link rel="stylesheet"[^>]*>/g;
  return {
    name: 'paint-first-view',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => {
        const links = html.match(stylesheet) ?? [];
        return html.replace(stylesheet, '').replace('\n  </body>', `${links.join('')}$&`);
      },
    },
  };
}

const isOf = (project: string, { moduleIds }: { moduleIds: string[] }) =>
  moduleIds.some((id) => id.includes(`/node_modules/${project}`));

// The size budget uses this name: the chunk is loaded only to format a document.
const chunkFileNames = (chunk: { moduleIds: string[] }) =>
  isOf('prettier/', chunk) ? 'assets/lazy-[name]-[hash].js' : 'assets/[name]-[hash].js';

export default defineConfig({
  base: './',
  experimental: {
    renderBuiltUrl: (name, { hostType }) =>
      hostType === 'html' ? `${BASE}${name}` : { relative: true },
  },
  html: { cspNonce: NONCE },
  plugins: [react(), patchGraphiQL(), paintFirstView(), gzip()],
  resolve: {
    alias: [
      {
        find: 'monaco-editor/esm/vs/editor/edcore.main.js',
        replacement: path('./src/editor_features.ts'),
      },
    ],
  },
  worker: { format: 'es', rolldownOptions: { output: { chunkFileNames } } },
  build: {
    outDir: path('../graphql_auth/static'),
    emptyOutDir: true,
    target: 'es2023',
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4096,
    // React's compiler leaves directives in GraphiQL's code that have no effect.
    rolldownOptions: {
      // Whether a build is slow depends on what else the machine does.
      checks: { moduleLevelDirective: false, pluginTimings: false },
      output: { chunkFileNames },
    },
  },
});
