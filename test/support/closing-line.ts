import type { Reporter, TestCase, TestModule } from 'vitest/node'

/**
 * Closes the run with one plain line, `N passed, N failed, N skipped`, and before it names what was skipped: the titles
 * say what is missing and how to have it. In CI a skip is a failure: what a test needs is present there, or the run is
 * not what it says it is.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const skipped = new Set<string>()
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      // A file that could not be loaded has no tests to fail.
      if (module.errors().length > 0) counts.failed += 1
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        counts[state] += 1
        if (state === 'skipped') skipped.add(outermostTitle(test))
      }
    }
    const failed = counts.failed + counts.pending
    if (process.env.CI && counts.skipped > 0) process.exitCode = 1
    // Once the run's own summary is out.
    process.once('exit', () => {
      if (skipped.size > 0) process.stdout.write(`\nNOT TESTED:\n  ${[...skipped].join('\n  ')}\n`)
      process.stdout.write(`\n${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped\n`)
    })
  }
}

function outermostTitle(test: TestCase): string {
  let title = test.name
  for (let suite = test.parent; suite.type === 'suite'; suite = suite.parent) title = suite.name
  return title
}
