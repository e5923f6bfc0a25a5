import { Group, Paper, Stack, Text, Title } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask, type CollectedOnDay, type Cycle } from '../../api.ts'
import { date, money, number, today } from '../../format.ts'
import { Bar } from '../../parts/bar.tsx'
import { DataTable } from '../../parts/data-table.tsx'
import { Loaded } from '../../parts/states.tsx'
import { type CollectedByDay, curveOf } from './collected-curve.ts'

const cycles = '/api/contribution-cycles'
const height = 220
const margin = { left: 4, right: 4, top: 22, bottom: 24 }

/** How much of the target has come in: as a bar, as a curve over days, and as a table. */
export function Collected({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const path = `${cycles}/${cycle.cycleId}/collected`
  const days = useQuery({
    queryKey: [cycles, cycle.cycleId, 'collected', cycle.collectedAmount],
    queryFn: () => ask<{ items: CollectedOnDay[] }>('GET', path),
    placeholderData: (former) => former,
  })
  return (
    <Paper withBorder p="md">
      <Stack>
        <Title order={3} size="h4">
          {t('cycles.collected')}
        </Title>
        <CollectedBar cycle={cycle} />
        <Loaded of={days}>{({ items }) => <CollectedDays cycle={cycle} items={items} />}</Loaded>
      </Stack>
    </Paper>
  )
}

function CollectedBar({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const { collectedAmount, targetAmount } = cycle
  // What is nearly all is not yet all.
  const percent = targetAmount === 0 ? 0 : Math.floor((100 * collectedAmount) / targetAmount)
  const sentence = t('payments.collectedOfTarget', {
    percent: number(percent),
    collected: money(collectedAmount, cycle),
    target: money(targetAmount, cycle),
  })
  return (
    <Stack gap={4}>
      <Bar label={t('cycles.collected')} percent={Math.min(100, percent)} sentence={sentence} color="green" />
      <Text className="numbers" style={{ textAlign: 'start' }}>
        {sentence}
      </Text>
    </Stack>
  )
}

function CollectedDays({ cycle, items }: { cycle: Cycle; items: readonly CollectedOnDay[] }) {
  const { t } = useTranslation()
  let sum = 0
  const days: CollectedByDay[] = items.map((one) => {
    sum += one.amount
    return { ...one, sum }
  })
  if (days.length === 0) return <Text c="dimmed">{t('payments.nothingCollected')}</Text>
  return (
    <>
      <CollectedCurve cycle={cycle} days={days} />
      <details>
        <summary>{t('payments.asTable')}</summary>
        <DataTable
          rows={days.toReversed()}
          keyOf={({ day }) => day}
          columns={[
            { name: t('payments.day'), show: ({ day }) => date(day) },
            { name: t('payments.transfers'), as: 'number', show: (one) => number(one.payments) },
            { name: t('payments.onThatDay'), as: 'number', show: ({ amount }) => money(amount, cycle) },
            { name: t('payments.untilThen'), as: 'number', show: ({ sum }) => money(sum, cycle) },
          ]}
        />
      </details>
    </>
  )
}

function CollectedCurve({ cycle, days }: { cycle: Cycle; days: readonly CollectedByDay[] }) {
  const { t } = useTranslation()
  const { ref, width } = useElementSize()
  const box = {
    left: margin.left,
    right: Math.max(margin.left + 1, width - margin.right),
    top: margin.top,
    bottom: height - margin.bottom,
  }
  const { line, targetY, first, last } = curveOf(days, cycle, today(cycle.timeZone), box)
  return (
    <div ref={ref}>
      {width > 0 && (
        <svg
          width={width}
          height={height}
          role="img"
          aria-label={t('payments.curve', {
            from: date(first),
            to: date(last),
            collected: money(days.at(-1)?.sum ?? 0, cycle),
            target: money(cycle.targetAmount, cycle),
          })}
          className="curve"
        >
          <path d={`${line} V${box.bottom} H${box.left} Z`} className="area" />
          <path d={line} className="sum" />
          <line x1={box.left} x2={box.right} y1={targetY} y2={targetY} className="target" />
          <line x1={box.left} x2={box.right} y1={box.bottom} y2={box.bottom} className="axis" />
          <text x={box.left} y={targetY - 6}>
            {t('payments.targetLine', { target: money(cycle.targetAmount, cycle) })}
          </text>
          <text x={box.left} y={height - 6}>
            {date(first)}
          </text>
          <text x={box.right} y={height - 6} textAnchor="end">
            {date(last)}
          </text>
        </svg>
      )}
      <Group gap="md" aria-hidden="true">
        <Text size="sm" c="dimmed">
          <span className="key sum" /> {t('payments.collectedUntilThen')}
        </Text>
        <Text size="sm" c="dimmed">
          <span className="key target" /> {t('cycles.target')}
        </Text>
      </Group>
    </div>
  )
}
