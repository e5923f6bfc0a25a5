import { PasswordInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { focus } from './forms.tsx'

export function NewPasswordField({ isFirst = false }: { isFirst?: boolean }) {
  const { t } = useTranslation()
  return (
    <PasswordInput
      {...(isFirst && { ref: focus })}
      name="newPassword"
      label={t('access.newPassword')}
      description={t('access.newPasswordHint')}
      autoComplete="new-password"
      minLength={12}
      maxLength={128}
      required
    />
  )
}
