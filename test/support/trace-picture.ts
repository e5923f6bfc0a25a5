import type { CollectedSpan } from './trace-collector.ts'

const [width, labelWidth, rowHeight] = [1200, 330, 13]
const colours = ['#1971c2', '#2f9e44', '#e8590c']

/** The spans of a trace one below the other, by when they began; a colour a process. */
export function drawTrace(spans: readonly CollectedSpan[]): string {
  const inOrder = spans.toSorted((one, other) =>
    Number(BigInt(one.startTimeUnixNano) - BigInt(other.startTimeUnixNano)),
  )
  const start = BigInt(inOrder[0]?.startTimeUnixNano ?? 0)
  const msOf = (nano: string) => Number(BigInt(nano) - start) / 1e6
  const end = Math.max(...inOrder.map((span) => msOf(span.endTimeUnixNano)))
  const processes = [...new Set(inOrder.map(({ pid }) => pid))]
  const nameOf = (pid: number) => {
    const service = inOrder.find((span) => span.pid === pid)?.service
    return service === 'almoner-api'
      ? 'API'
      : `worker ${processes.filter((one) => one !== pid && one < pid).length}`
  }
  const x = (ms: number) => labelWidth + (ms / end) * (width - labelWidth - 10)
  const rows = inOrder.map((span, row) => {
    const [from, to] = [msOf(span.startTimeUnixNano), msOf(span.endTimeUnixNano)]
    const colour = colours[processes.indexOf(span.pid)]
    const { chunkNo, rows, jobKind, channel } = span.attributes
    const about = [chunkNo, rows && `${rows} rows`, jobKind, channel]
      .filter((part) => part !== undefined)
      .join(', ')
    const y = 40 + row * rowHeight
    return (
      `<text x="4" y="${y + 10}" fill="${colour}">${span.name} ${about}</text>` +
      `<rect x="${x(from)}" y="${y + 1}" width="${Math.max(1, x(to) - x(from))}" height="${rowHeight - 3}" fill="${colour}"/>`
    )
  })
  const legend = processes.map(
    (pid, index) => `<text x="${4 + index * 120}" y="16" fill="${colours[index]}">■ ${nameOf(pid)}</text>`,
  )
  const scale = [0, 0.25, 0.5, 0.75, 1].map(
    (part) => `<text x="${x(end * part) - 45 * part}" y="34">${Math.round(end * part)} ms</text>`,
  )
  const height = 50 + rows.length * rowHeight
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="10">
<title>A contribution cycle, traced over three processes</title>
<rect width="100%" height="100%" fill="white"/>${[...legend, ...scale, ...rows].join('\n')}</svg>\n`
}
