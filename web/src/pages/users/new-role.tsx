import { Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { User } from '../../api.ts'
import { instant } from '../../format.ts'
import { TwoPersons, useApproval } from '../../parts/two-persons.tsx'
import { useFund, useMay } from '../../session.ts'
import { usersPath } from './refresh-users.ts'

/** A user whose role is new decides later, or when two admins confirm her. */
export function NewRole({ user: { userId, name, settledAt } }: { user: User }) {
  const { t } = useTranslation()
  const may = useMay()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const asked = useApproval('new-approver', userId)
  if (settledAt === null || Date.parse(settledAt) <= Date.now()) return null
  return (
    <>
      <Text size="sm">{t('access.decidesFrom', { at: instant(settledAt, timeZone) })}</Text>
      {may('users.change') && (
        <TwoPersons
          path={`${usersPath}/${userId}/confirmation`}
          asked={asked}
          texts={{
            title: t('access.confirmUser', { name }),
            request: t('access.askToConfirm'),
            approve: t('access.letDecide'),
            approveSays: t('access.letDecideSays', { name }),
          }}
        />
      )}
    </>
  )
}
