import { Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { AskedStart, Started } from '../api.ts'
import { money, number } from '../format.ts'
import { useFund } from '../session.ts'
import { useApproval } from './approvals.ts'
import { Asked } from './two-persons.tsx'

/** The start that somebody has asked for and another person has to approve; nothing while there is none. */
export function StartRequest({
  claimId,
  claimCode,
  onStarted,
}: {
  claimId: string
  claimCode: string
  onStarted?: (cycle: Started['cycle']) => void
}) {
  const { t } = useTranslation()
  const fund = useFund()
  const asked = useApproval('start-cycle', claimId)
  if (!asked || !fund) return null
  const start = asked.content as AskedStart
  const amounts = {
    members: number(start.eligibleMembers),
    each: money(start.contributionAmount, fund),
    total: money(start.expectedAmount, fund),
    target: money(start.targetAmount, fund),
    days: number(start.cycleDuration),
  }
  return (
    <Stack gap="xs">
      <Text size="sm" fw={600} style={{ whiteSpace: 'normal' }}>
        {t('cycles.startAsked', amounts)}
      </Text>
      <Asked
        path={`/api/contribution-cycles/requests/${claimId}`}
        asked={asked}
        texts={{
          title: t('claims.startCycleFor', { code: claimCode }),
          approve: t('cycles.approveStart'),
          approveSays: t('cycles.startAsked', amounts),
        }}
        onApproved={(answer) => onStarted?.((answer as Started).cycle)}
      />
    </Stack>
  )
}
