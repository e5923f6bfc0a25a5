import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask, type User } from '../../api.ts'
import { Confirmation } from '../../parts/forms.tsx'
import { useRefreshUsers, usersPath } from './refresh-users.ts'

export function SwitchUser({
  user,
  disabled,
  onClose,
}: {
  user: User
  disabled: boolean
  onClose: () => void
}) {
  const { t } = useTranslation()
  const refresh = useRefreshUsers()
  const change = useMutation({
    mutationFn: () => ask<User>('PATCH', `${usersPath}/${user.userId}`, { disabled }),
    onSuccess: (changed) => {
      const { name } = changed
      notifications.show({
        message: t(disabled ? 'access.userDisabled' : 'access.userEnabled', { name }),
        color: 'green',
      })
      refresh(changed)
      onClose()
    },
  })
  return (
    <Confirmation
      sentence={t(disabled ? 'access.disableSays' : 'access.enableSays', { email: user.email })}
      action={t(disabled ? 'access.disable' : 'access.enable')}
      isDangerous={disabled}
      isPending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate()}
      onClose={onClose}
    />
  )
}
