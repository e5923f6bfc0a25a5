import { Alert, Paper, Stack, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { ImportResult } from '../../api.ts'
import { number } from '../../format.ts'
import { Facts } from '../../parts/facts.tsx'
import { TwoPersons, useApproval, useApprovals } from '../../parts/two-persons.tsx'

type StatusChange = ImportResult['statusChanges'][number]

const pathOf = (subject: string) => `/api/imports/requests/${subject}`

function useTexts() {
  const { t } = useTranslation()
  return {
    title: t('members.largeTitle'),
    request: t('members.largeAsk'),
    approve: t('members.largeApprove'),
    approveSays: t('members.largeApproveSays'),
  }
}

/** That a file changes the status of too many for one person, and the way to ask another. */
export function LargeImport({
  change,
  request,
}: {
  change: NonNullable<ImportResult['largeChange']>
  request: (reason: string) => Promise<unknown>
}) {
  const { t } = useTranslation()
  const texts = useTexts()
  const asked = useApproval('import', change.subject)
  const { subject, isApproved, changed, members, percent } = change
  const figures = { changed: number(changed), members: number(members), percent }
  return (
    <Alert color={isApproved ? 'green' : 'red'} title={texts.title} role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t('members.largeSays', figures)}</Text>
        {isApproved && <Text size="sm">{t('members.largeApproved')}</Text>}
        {!isApproved && asked && <Text size="sm">{t('members.largeWaits')}</Text>}
        {!isApproved && !asked && (
          <TwoPersons path={pathOf(subject)} request={request} asked={null} texts={texts} />
        )}
      </Stack>
    </Alert>
  )
}

/** Imports that somebody has asked for and another person has to approve. */
export function WaitingImports() {
  const { t } = useTranslation()
  const texts = useTexts()
  const waiting = useApprovals().filter(({ approvalKind }) => approvalKind === 'import')
  if (waiting.length === 0) return null
  return (
    <Stack>
      {waiting.map((one) => (
        <Paper key={one.approvalId} withBorder p="md">
          <Title order={3} size="h4" mb="xs">
            {texts.title}
          </Title>
          <Facts
            rows={(one.content.statusChanges as StatusChange[]).map(({ from, to, members }) => [
              t('members.statusChange', { from: t(`members.status.${from}`), to: t(`members.status.${to}`) }),
              number(members),
            ])}
            as="number"
          />
          <TwoPersons path={pathOf(one.subject)} asked={one} texts={texts} />
        </Paper>
      ))}
    </Stack>
  )
}
