import { Badge } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Cycle } from '../api.ts'

/** A state: not only by colour, each has a sign and a word. */
export function Chip({ color, sign, children }: { color: string; sign: string; children: ReactNode }) {
  return (
    <Badge color={color} leftSection={<span aria-hidden="true">{sign}</span>}>
      {children}
    </Badge>
  )
}

export type ShownStatus = Cycle['cycleStatus'] | 'Paused'

const looks: Record<ShownStatus, { color: string; sign: string }> = {
  Initializing: { color: 'yellow', sign: '◔' },
  Active: { color: 'green', sign: '✓' },
  Completed: { color: 'teal', sign: '✓✓' },
  Failed: { color: 'red', sign: '!' },
  Cancelled: { color: 'gray', sign: '×' },
  Paused: { color: 'blue', sign: '‖' },
}

/** For users, a paused creation is a state of its own. */
export function shownStatus(cycle: Pick<Cycle, 'cycleStatus' | 'jobStatus'>): ShownStatus {
  return cycle.cycleStatus === 'Initializing' && cycle.jobStatus === 'Paused' ? 'Paused' : cycle.cycleStatus
}

export function StatusChip({ status }: { status: ShownStatus }) {
  const { t } = useTranslation()
  const { color, sign } = looks[status]
  return (
    <Chip color={color} sign={sign}>
      {t(`cycles.status.${status}`)}
    </Chip>
  )
}
