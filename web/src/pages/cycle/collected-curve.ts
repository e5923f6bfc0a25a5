/** Where the curve of what is collected runs. Pure. */
import type { CollectedOnDay, Cycle } from '../../api.ts'

export interface CollectedByDay extends CollectedOnDay {
  /** What was collected until the end of the day, in minor units. */
  readonly sum: number
}

interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

const dayNumber = (day: string) => Date.parse(`${day}T00:00:00Z`) / 86_400_000

/**
 * From the start to the last day to pay, or as much further as somebody has paid. It goes up in steps, since nothing comes between two days,
 * and ends today.
 *
 * @param days oldest first, at least one
 * @param today the local day
 * @param box in pixels
 */
export function curveOf(
  days: readonly CollectedByDay[],
  { startDate, deadline, targetAmount }: Pick<Cycle, 'startDate' | 'deadline' | 'targetAmount'>,
  today: string,
  box: Box,
): { line: string; targetY: number; first: string; last: string } {
  const known = days.map(({ day }) => day)
  const first = [startDate, ...known].toSorted()[0] as string
  const last = [deadline, ...known].toSorted().at(-1) as string
  const span = Math.max(1, dayNumber(last) - dayNumber(first))
  const highest = Math.max(1, targetAmount, ...days.map(({ sum }) => sum))
  const x = (day: string) =>
    round(box.left + ((dayNumber(day) - dayNumber(first)) / span) * (box.right - box.left))
  const y = (amount: number) => round(box.bottom - (Math.max(0, amount) / highest) * (box.bottom - box.top))
  const steps = days.map(({ day, sum }) => ` H${x(day)} V${y(sum)}`).join('')
  const end = [today, ...known].toSorted().at(-1) as string
  const line = `M${x(first)},${y(0)}${steps} H${x(end < last ? end : last)}`
  return { line, targetY: y(targetAmount), first, last }
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10
}
