/** The states of jobs and chunks, and the engine's arithmetic. Pure. */

/** From each state the states a job may move to. The check constraint of `jobs` and docs/states.md say the same. */
export const jobMoves = {
  // planned · paused before it began · could not be planned · cancelled before it began
  Queued: ['Processing', 'Paused', 'Failed', 'Cancelled'],
  // finished · paused · a chunk used up its attempts, or finishing failed · cancelled
  Processing: ['Completed', 'Paused', 'Failed', 'Cancelled'],
  // resumed before it was planned · resumed after · cancelled
  Paused: ['Queued', 'Processing', 'Cancelled'],
  // retried before it was planned · retried after · cancelled
  Failed: ['Queued', 'Processing', 'Cancelled'],
  Completed: [],
  Cancelled: [],
} as const

export type JobStatus = keyof typeof jobMoves

export const chunkMoves = {
  // committed · attempts used up
  Pending: ['Done', 'Failed'],
  // retried
  Failed: ['Pending'],
  Done: [],
} as const

/** After this many failed attempts a chunk, a plan or a finish is given up until somebody retries it. */
export const maxAttempts = 3

/** How long a failed chunk rests before attempt `attempts + 1`: 2 s, then 4 s. */
export function restMs(attempts: number): number {
  return 2000 * 2 ** (attempts - 1)
}

/**
 * Below this the overhead of a transaction outweighs its rows, so it also teaches nothing about their cost: smaller
 * chunks would never be found too small.
 */
export const minChunkRows = 500
const maxChunkRows = 25_000
const targetChunks = 20
const targetChunkMs = 100

/**
 * Rows a chunk: small enough to keep the lanes balanced and the bar moving, large enough to be worth a
 * transaction, and, unless even the fewest take longer, short enough that pause and cancel never wait long.
 *
 * @param msPerRow what a row of this kind has cost lately; undefined for a kind that never ran
 * @param rowsPerSecond a ceiling that is kept by waiting between chunks, so a chunk is what may be written in a second
 */
export function chunkRowsFor(
  totalRows: number,
  msPerRow: number | undefined,
  rowsPerSecond = Number.POSITIVE_INFINITY,
): number {
  const balanced = Math.max(minChunkRows, Math.ceil(totalRows / targetChunks))
  const affordable = msPerRow === undefined ? maxChunkRows : Math.floor(targetChunkMs / msPerRow)
  return Math.min(balanced, Math.max(affordable, minChunkRows), maxChunkRows, rowsPerSecond)
}

/**
 * Cost per row as an exponential average. The cost is averaged, not the size of chunks or their efficiency: that
 * lags and overshoots.
 */
export function averageCost(rememberedMsPerRow: number | undefined, lastMsPerRow: number): number {
  return rememberedMsPerRow === undefined ? lastMsPerRow : 0.4 * lastMsPerRow + 0.6 * rememberedMsPerRow
}

/** The speed of the last finished chunks of a job. */
export interface RecentChunks {
  readonly chunks: number
  readonly rows: number
  /** Sum of their durations: working time, without pauses. */
  readonly workMs: number
  /** From the start of the first to the end of the last, by the clock. */
  readonly spanMs: number
}

/**
 * Seconds until the remaining rows are done, at least one; null while fewer than two chunks are done.
 *
 * Work per row divided by how many lanes worked at once. A pause or a crash among these chunks stretches the span,
 * never the work, so at worst one lane is assumed for a moment. Two things would make it too long: the span begins before
 * the first lane has all others beside it, and what the other lanes have in hand is half done.
 */
export function remainingSeconds(remainingRows: number, recent: RecentChunks): number | null {
  if (remainingRows === 0) return 0
  if (recent.chunks < 2 || recent.rows === 0) return null
  const { chunks, rows, workMs } = recent
  const spanMs = Math.max(recent.spanMs, 1)
  const seen = Math.max(1, workMs / spanMs)
  const lanes = Math.min(Math.ceil(seen), workMs / Math.max(1, spanMs - ((1 - 1 / seen) * workMs) / chunks))
  const inHand = (Math.max(0, lanes - 1) / 2) * (rows / chunks)
  const leftMs = ((workMs / rows) * Math.max(0, remainingRows - inHand)) / Math.max(1, lanes)
  return Math.max(1, Math.round(leftMs / 1000))
}
