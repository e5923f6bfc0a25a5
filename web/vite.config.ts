import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    // An inline script, which the content security policy refuses; every browser that is supported preloads by itself.
    modulePreload: { polyfill: false },
  },
})
