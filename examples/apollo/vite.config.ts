import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // Without --dev, ALLOWED_ORIGINS of the server must contain this origin.
  server: { port: 5173, strictPort: true },
});
