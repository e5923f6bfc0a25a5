import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'

/** Whether the command was asked for JSON: then standard output holds one JSON value and nothing else. */
function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<{ json?: boolean }>().json === true
}

/** The result, on standard output: as JSON when it was asked for, else as lines for a person. */
export function printResult(command: Command, result: unknown, lines: readonly string[]): void {
  process.stdout.write(wantsJson(command) ? `${JSON.stringify(result)}\n` : `${lines.join('\n')}\n`)
}

/** A progress message, on standard error. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Rows as columns that are wide enough; the first row is the heading. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

export interface ProgressDisplay {
  /** @param note the text after the bar, e.g. the time left */
  show(done: number, total: number, note: string): void
  end(): void
}

/** A bar on a terminal; elsewhere a line each tenth, so that a log file stays readable. On standard error. */
export function showProgress(what: string): ProgressDisplay {
  return process.stderr.isTTY ? barOnTerminal(what) : plainLines(what)
}

function barOnTerminal(what: string): ProgressDisplay {
  const bar = new SingleBar({
    format: `${what} [{bar}] {percentage} % ({value} / {total}) {note}`,
    stream: process.stderr,
    hideCursor: true,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    formatValue: (value, _options, type) =>
      type === 'value' || type === 'total' ? value.toLocaleString('en') : String(value),
  })
  let started = false
  return {
    show(done, total, note) {
      if (!started) bar.start(total, done, { note })
      else {
        bar.setTotal(total)
        bar.update(done, { note })
      }
      started = true
    },
    end() {
      if (started) bar.stop()
    },
  }
}

function plainLines(what: string): ProgressDisplay {
  let lastTenth = -1
  return {
    show(done, total, note) {
      const percentage = total === 0 ? 0 : Math.floor((done * 100) / total)
      const tenth = Math.floor(percentage / 10)
      if (tenth === lastTenth) return
      lastTenth = tenth
      const counts = `${done.toLocaleString('en')} / ${total.toLocaleString('en')}`
      say(`${what} ${percentage} % (${counts}) ${note}`.trimEnd())
    },
    end() {},
  }
}

/** 75 → "1 minute 15 seconds", for the time that is left. */
export function sayDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  const rest = seconds % 60
  const parts = [
    minutes > 0 && plural(minutes, 'minute'),
    (rest > 0 || minutes === 0) && plural(rest, 'second'),
  ]
  return parts.filter(Boolean).join(' ')
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}
