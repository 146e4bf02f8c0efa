import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // The server has to list this origin in ALLOWED_ORIGINS.
  server: { port: 5173, strictPort: true },
});
