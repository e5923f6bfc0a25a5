import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** What `npm run mutation` runs for every mutant: the tests of the rules and of the engine, and no brokers. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: [
      'src/**/*-rules.test.ts',
      'src/platform/jobs/engine.test.ts',
      'src/members/import-members.test.ts',
    ],
    reporters: ['default'],
  },
})
