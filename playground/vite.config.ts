import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vite';

const BASE = '/graphql/';
// The server puts the nonce of an answer wherever the page has this.
const NONCE = 'CSP_NONCE';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Writes NAME.gz beside each asset that it makes smaller, for whoever takes gzip. */
function gzip(): Plugin {
  return {
    name: 'gzip',
    apply: 'build',
    // Earlier than this, Vite itself has not finished the code.
    async writeBundle({ dir = '' }, bundle) {
      for (const name of Object.keys(bundle).filter((name) => name.startsWith('assets/'))) {
        const content = await readFile(`${dir}/${name}`);
        const compressed = gzipSync(content, { level: 9 });
        if (compressed.length < content.length) await writeFile(`${dir}/${name}.gz`, compressed);
      }
    },
  };
}

/** Has the browser fetch the editor while it reads the code that is going to import it. */
function preloadEditor(): Plugin {
  return {
    name: 'preload-editor',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_html, { bundle = {} }) {
        const chunks = Object.values(bundle).filter((output) => output.type === 'chunk');
        const ofEditor = chunks.filter((chunk) => !chunk.isEntry && isOf('monaco-', chunk));
        return ofEditor.map(({ fileName }) => ({
          tag: 'link',
          attrs: {
            rel: 'modulepreload',
            crossorigin: true,
            href: `${BASE}${fileName}`,
            nonce: NONCE,
          },
          injectTo: 'head',
        }));
      },
    },
  };
}

const isOf = (project: string, { moduleIds }: { moduleIds: string[] }) =>
  moduleIds.some((id) => id.includes(`/node_modules/${project}`));

// The size budget tells by the name what is fetched only when something is formatted.
const chunkFileNames = (chunk: { moduleIds: string[] }) =>
  isOf('prettier/', chunk) ? 'assets/lazy-[name]-[hash].js' : 'assets/[name]-[hash].js';

export default defineConfig({
  base: BASE,
  html: { cspNonce: NONCE },
  plugins: [react(), preloadEditor(), gzip()],
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
    // React's compiler, which GraphiQL went through, leaves directives that no longer matter.
    rolldownOptions: { checks: { moduleLevelDirective: false }, output: { chunkFileNames } },
  },
});
