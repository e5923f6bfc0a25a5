/**
 * Draws what `creation.ts` has measured, from `creation.json`: time, and rows a second, against the number of members.
 *
 *   npx tsx bench/plots.ts
 */
import { readFile, writeFile } from 'node:fs/promises'
import { init } from 'echarts'
import { median, quick } from './measure.ts'

interface Creation {
  at: string
  machine: string
  sizes: { members: number; times: Record<string, number[]> }[]
}

// Colours that are told apart by the colour-blind as well (Okabe and Ito).
const lines = [
  { name: 'almoner', label: 'Almoner', color: '#0072b2', type: 'solid', width: 4 },
  { name: 'floor', label: 'floor: one insert … select', color: '#000000', type: 'dashed', width: 2 },
  { name: 'heap', label: 'heap without keys', color: '#999999', type: 'dotted', width: 2 },
  { name: 'drizzle', label: 'drizzle, pages of 500', color: '#d55e00', type: 'solid', width: 2 },
  { name: 'BullMQ', label: 'BullMQ, a job a member', color: '#009e73', type: 'solid', width: 2 },
  { name: 'pg-boss', label: 'pg-boss, a job a member', color: '#cc79a7', type: 'solid', width: 2 },
] as const

function draw(
  creation: Creation,
  title: string,
  unit: string,
  value: (members: number, ms: number) => number,
) {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height: 560 })
  const axis = { type: 'log', nameLocation: 'middle', axisLabel: { color: '#333', fontSize: 13 } } as const
  const nameTextStyle = { color: '#333', fontSize: 14 }
  const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })
  chart.setOption({
    backgroundColor: '#ffffff',
    animation: false,
    title: {
      text: title,
      subtext: `${creation.at.slice(0, 10)}, ${creation.machine}; medians`,
      left: 'center',
      subtextStyle: { color: '#555' },
    },
    legend: { bottom: 8, itemGap: 30, textStyle: { color: '#333', fontSize: 13 }, itemWidth: 40 },
    grid: { left: 90, right: 40, top: 80, bottom: 140 },
    xAxis: {
      ...axis,
      name: 'members of the cycle',
      nameGap: 32,
      nameTextStyle,
      min: 1000,
      axisLabel: { ...axis.axisLabel, formatter: (members: number) => members.toLocaleString('en') },
    },
    yAxis: {
      ...axis,
      name: unit,
      nameGap: 62,
      nameTextStyle,
      axisLabel: { ...axis.axisLabel, formatter: (shown: number) => short.format(shown) },
    },
    series: lines.map(({ name, label, color, type, width }) => ({
      type: 'line',
      name: label,
      color,
      symbolSize: 8,
      lineStyle: { type, width },
      data: creation.sizes.flatMap(({ members, times }) =>
        times[name] ? [[members, value(members, median(times[name]))]] : [],
      ),
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

// A quick run measures nothing that would be worth a drawing.
if (!quick) {
  const creation: Creation = JSON.parse(await readFile(new URL('./creation.json', import.meta.url), 'utf8'))
  await writeFile(
    new URL('./creation-time.svg', import.meta.url),
    draw(
      creation,
      'Creating the contributions of a cycle',
      'seconds from start to end',
      (_, ms) => ms / 1000,
    ),
  )
  await writeFile(
    new URL('./creation-speed.svg', import.meta.url),
    draw(creation, 'Contributions created a second', 'rows a second', (members, ms) => (members / ms) * 1000),
  )
}
