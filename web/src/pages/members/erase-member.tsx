import { Paper, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { MemberWithStandings } from '../../api.ts'
import { TwoPersons } from '../../parts/two-persons.tsx'

/** Requests and approves the erasure of a member. Shows nothing for members who are still in the fund. */
export function EraseMember({ member }: { member: MemberWithStandings }) {
  const { t } = useTranslation()
  const { memberId, memberCode, memberStatus, fullName, erasure } = member
  if (memberStatus !== 'Inactive' && memberStatus !== 'Deceased') return null
  return (
    <Paper withBorder p="md">
      <Title order={3} size="h4">
        {t('members.erasure')}
      </Title>
      <Text c="dimmed" size="sm" mb="xs">
        {t('members.erasureSays')}
      </Text>
      <TwoPersons
        path={`/api/members/${memberId}/erasure`}
        asked={erasure}
        texts={{
          title: t('members.eraseMember', { code: memberCode }),
          request: t('members.requestErasure'),
          approve: t('members.erase'),
          approveSays: t('members.eraseSays', { name: fullName }),
        }}
      />
    </Paper>
  )
}
