import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** Photographs the console, on the database of the tests; it tests nothing. */
export default defineConfig({ test: { ...base.test, include: ['test/browser/screens.ts'] } })
