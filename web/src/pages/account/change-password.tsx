import { Button, Group, PasswordInput, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask, type Session } from '../../api.ts'
import { ErrorAlert, fieldOf } from '../../parts/forms.tsx'
import { NewPasswordField } from '../../parts/new-password-field.tsx'

const sessionsPath = '/api/sessions'

export function ChangePassword({ session }: { session: Session }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const change = useMutation({
    mutationFn: (given: { currentPassword: string; newPassword: string }) =>
      ask('POST', '/api/session/password', given),
    onSuccess: async () => {
      notifications.show({ message: t('access.passwordChanged'), color: 'green' })
      // The session is a new one, with another token against forged requests.
      await queries.invalidateQueries({ queryKey: ['session'] })
      await queries.invalidateQueries({ queryKey: [sessionsPath] })
    },
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        const form = event.currentTarget
        change.mutate(
          {
            currentPassword: fieldOf(form, 'currentPassword'),
            newPassword: fieldOf(form, 'newPassword'),
          },
          { onSuccess: () => form.reset() },
        )
      }}
    >
      <Stack maw="26rem">
        {/* Tells a password manager whose password it is. */}
        <input type="email" autoComplete="username" value={session.email} readOnly hidden />
        <PasswordInput
          name="currentPassword"
          label={t('access.currentPassword')}
          autoComplete="current-password"
          maxLength={128}
          required
        />
        <NewPasswordField />
        <Text size="sm" c="dimmed">
          {t('access.changePasswordSays')}
        </Text>
        <ErrorAlert error={change.error} />
        <Group>
          <Button type="submit" loading={change.isPending}>
            {t('access.changePassword')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
