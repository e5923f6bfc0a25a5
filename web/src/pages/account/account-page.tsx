import { Paper, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Preferences } from '../../parts/preferences.tsx'
import { Loading } from '../../parts/states.tsx'
import { useSession } from '../../session.ts'
import { ChangePassword } from './change-password.tsx'
import { SecondFactorState } from './second-factor-state.tsx'
import { SessionsList } from './sessions-list.tsx'

export function AccountPage() {
  const { t } = useTranslation()
  const { data: session } = useSession()
  if (!session) return <Loading />
  return (
    <Stack>
      <Title order={2}>{t('access.account')}</Title>
      <Section title={session.name}>
        <Text>{session.email}</Text>
        <Text>
          {t(`access.roles.${session.role}`)}: {t(`access.roleSays.${session.role}`)}
        </Text>
      </Section>
      <Section title={t('access.changePassword')}>
        <ChangePassword session={session} />
      </Section>
      <Section title={t('access.secondFactor')}>
        <SecondFactorState session={session} />
      </Section>
      <Section title={t('notices.preferences')}>
        <Preferences path="/api/notice-preferences" />
      </Section>
      <Section title={t('access.sessions')}>
        <SessionsList />
      </Section>
    </Stack>
  )
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="lg" component="section">
      <Stack>
        <Title order={3} size="h4">
          {title}
        </Title>
        {children}
      </Stack>
    </Paper>
  )
}
