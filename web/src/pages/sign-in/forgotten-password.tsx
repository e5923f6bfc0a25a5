import { Button, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask } from '../../api.ts'
import { ErrorAlert, fieldOf, focus } from '../../parts/forms.tsx'
import { BackLink } from './sign-in-card.tsx'

export function ForgottenPassword({ email, onBack }: { email: string; onBack: () => void }) {
  const { t } = useTranslation()
  const send = useMutation({
    mutationFn: (to: string) => ask('POST', '/api/password-links', { email: to }),
  })
  if (send.isSuccess) {
    return (
      <Stack>
        <Text role="status">{t('access.linkSent')}</Text>
        <BackLink onBack={onBack} />
      </Stack>
    )
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        send.mutate(fieldOf(event.currentTarget, 'email').trim())
      }}
    >
      <Stack>
        <Text>{t('access.forgottenSays')}</Text>
        <TextInput
          ref={focus}
          name="email"
          type="email"
          label={t('shell.email')}
          autoComplete="username"
          defaultValue={email}
          required
        />
        <ErrorAlert error={send.error} />
        <Button type="submit" loading={send.isPending}>
          {t('access.sendLink')}
        </Button>
        <BackLink onBack={onBack} />
      </Stack>
    </form>
  )
}
