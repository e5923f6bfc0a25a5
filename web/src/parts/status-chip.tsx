import { Badge } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Cycle } from '../api.ts'

export type ShownStatus = Cycle['cycleStatus'] | 'Paused'

/** Not by colour alone: each has its sign and its word. */
const looks: Record<ShownStatus, { color: string; sign: string }> = {
  Initializing: { color: 'yellow', sign: '◔' },
  Active: { color: 'green', sign: '✓' },
  Completed: { color: 'teal', sign: '✓✓' },
  Failed: { color: 'red', sign: '!' },
  Cancelled: { color: 'gray', sign: '×' },
  Paused: { color: 'blue', sign: '‖' },
}

/** A paused creation is a state of its own to whoever looks at it. */
export function shownStatus(cycle: Pick<Cycle, 'cycleStatus' | 'jobStatus'>): ShownStatus {
  return cycle.cycleStatus === 'Initializing' && cycle.jobStatus === 'Paused' ? 'Paused' : cycle.cycleStatus
}

export function StatusChip({ status }: { status: ShownStatus }) {
  const { t } = useTranslation()
  const { color, sign } = looks[status]
  return (
    <Badge color={color} leftSection={<span aria-hidden="true">{sign}</span>}>
      {t(`cycles.status.${status}`)}
    </Badge>
  )
}
