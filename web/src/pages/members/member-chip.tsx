import { useTranslation } from 'react-i18next'
import type { Member } from '../../api.ts'
import { Chip } from '../../parts/status-chip.tsx'

type MemberStatus = Member['memberStatus']

const looks: Record<MemberStatus, { color: string; sign: string }> = {
  Active: { color: 'green', sign: '✓' },
  Suspended: { color: 'yellow', sign: '‖' },
  Inactive: { color: 'gray', sign: '○' },
  Deceased: { color: 'dark', sign: '†' },
}

export function MemberChip({ status }: { status: MemberStatus }) {
  const { t } = useTranslation()
  const { color, sign } = looks[status]
  return (
    <Chip color={color} sign={sign}>
      {t(`members.status.${status}`)}
    </Chip>
  )
}
