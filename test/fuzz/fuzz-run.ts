import { randomInt } from 'node:crypto'

/** `npm run fuzz` is vitest in the mode `fuzz`; in any other mode the same tests are short, and always the same. */
export const isFull = process.env.MODE === 'fuzz'

/** `FUZZ_SEED=… npm run fuzz` repeats a run. */
export const seed = Number(process.env.FUZZ_SEED ?? (isFull ? randomInt(2 ** 31) : 1))

/** How much is tried: in the full run, and in every other. */
export const amount = (full: number, short: number): number => (isFull ? full : short)

/** What was tried, for the reader of the output. */
export function tell(lines: readonly string[]): void {
  if (isFull) process.stdout.write(`\n${[...lines, `seed ${seed}`].join('\n')}\n`)
}
