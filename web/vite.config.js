import { defineConfig } from 'vite'

// Hashed files and a manifest that gatepost.web.assets reads; no development server.
export default defineConfig({
  base: '/static/dist/',
  publicDir: false,
  css: { preprocessorOptions: { scss: { loadPaths: ['node_modules'] } } },
  build: {
    manifest: 'manifest.json',
    outDir: 'static/dist',
    emptyOutDir: true,
    target: 'es2022',
    rollupOptions: { input: ['assets/app.js', 'assets/theme.js'] },
  },
})
