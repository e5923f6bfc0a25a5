import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask, type User, type UserWithLink } from '../../api.ts'
import { Confirmation } from '../../parts/forms.tsx'
import { usersPath } from './refresh-users.ts'

export function ResetUser({
  user,
  onReset,
  onClose,
}: {
  user: User
  onReset: (user: UserWithLink) => void
  onClose: () => void
}) {
  const { t } = useTranslation()
  const reset = useMutation({
    mutationFn: () => ask<UserWithLink>('POST', `${usersPath}/${user.userId}/reset`),
    onSuccess: onReset,
  })
  return (
    <Confirmation
      sentence={t('access.resetSays', { email: user.email })}
      action={t('access.reset')}
      isDangerous
      isPending={reset.isPending}
      error={reset.error}
      onConfirm={() => reset.mutate()}
      onClose={onClose}
    />
  )
}
