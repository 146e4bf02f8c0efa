import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import relay from 'vite-plugin-relay';

export default defineConfig({
  plugins: [relay, react()],
  // The server has to list this origin in ALLOWED_ORIGINS.
  server: { port: 5173, strictPort: true },
});
