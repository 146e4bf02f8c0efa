import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import relay from 'vite-plugin-relay';

export default defineConfig({
  plugins: [relay, react()],
  // Without --dev, ALLOWED_ORIGINS of the server must contain this origin.
  server: { port: 5173, strictPort: true },
});
