import type { Reporter, TestModule } from 'vitest/node'

/**
 * Closes the run with one plain line, `N passed, N failed, N skipped`. In CI a skip is a failure: what a test needs is
 * present there, or the run is not what it says it is.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      // A file that could not be loaded has no tests to fail.
      if (module.errors().length > 0) counts.failed += 1
      for (const test of module.children.allTests()) counts[test.result().state] += 1
    }
    const failed = counts.failed + counts.pending
    if (process.env.CI && counts.skipped > 0) process.exitCode = 1
    // Once the run's own summary is out.
    process.once('exit', () => {
      process.stdout.write(`\n${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped\n`)
    })
  }
}
