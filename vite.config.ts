import { chmodSync } from 'node:fs'
import path from 'node:path'
import { defineConfig, type Plugin } from 'vite'

/** npm makes the command executable where it installs the package; in a checkout nobody would. */
const executable: Plugin = {
  name: 'executable',
  writeBundle: ({ dir = '' }) => chmodSync(path.join(dir, 'cli', 'almoner.js'), 0o755),
}

/**
 * The program, with most of the packages it uses: Node would spend more time on opening a thousand small files than most
 * commands take. What stays outside is large and seldom needed, or reads files of its own.
 */
export default defineConfig({
  plugins: [executable],
  ssr: {
    noExternal: true,
    external: [
      '@aws-sdk/client-sqs',
      '@bull-board/api',
      '@bull-board/fastify',
      '@fastify/swagger-ui',
      'node-pg-migrate',
      'pino-pretty',
    ],
  },
  build: {
    ssr: true,
    outDir: 'dist',
    emptyOutDir: true,
    target: 'node20',
    sourcemap: true,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      input: { 'cli/almoner': 'src/cli/almoner.ts', 'app/lambda': 'src/app/lambda.ts' },
      output: { entryFileNames: '[name].js', chunkFileNames: 'parts/[name]-[hash].js' },
    },
  },
})
