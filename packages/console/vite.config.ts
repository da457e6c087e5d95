import react from '@vitejs/plugin-react';
import { defineConfig, type UserConfig } from 'vite';

/** The page of `slipway fleet serve`, which serves what this builds. During work on it `vite` passes the API on to a running server. */
const config: UserConfig = defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: '../../build/console',
    emptyOutDir: true,
    target: 'es2023',
    chunkSizeWarningLimit: 1200,
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      '/api': { target: process.env['SLIPWAY_FLEET_URL'] ?? 'https://localhost:8443', secure: false },
    },
  },
});

export default config;
