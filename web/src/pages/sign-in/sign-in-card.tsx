import { Anchor, Center, Paper, Stack, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

export function BackLink({ onBack }: { onBack: () => void }) {
  const { t } = useTranslation()
  return (
    <Anchor component="button" type="button" size="sm" onClick={onBack}>
      {t('shell.back')}
    </Anchor>
  )
}

/** Around each page that is seen before the sign-in. */
export function SignInCard({ children }: { children: ReactNode }) {
  return (
    <Center component="main" mih="100dvh" p="md">
      <Paper withBorder p="lg" w="100%" maw="26rem">
        <Stack>
          <Title order={1} size="h2">
            Almoner
          </Title>
          {children}
        </Stack>
      </Paper>
    </Center>
  )
}
