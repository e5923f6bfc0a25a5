import { Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask } from '../api.ts'
import { FormEnd, fieldOf, focus } from './forms.tsx'
import { codeOf } from './second-factor.tsx'

/** Password and code once more, in a dialog. */
export function StepUpDialog({
  hasSecondFactor,
  onAnswer,
}: {
  hasSecondFactor: boolean
  /** Called with whether they were given. */
  onAnswer: (isConfirmed: boolean) => void
}) {
  const { t } = useTranslation()
  const confirm = useMutation({
    mutationFn: (given: { password: string; code?: string }) => ask('POST', '/api/session/confirm', given),
    onSuccess: () => onAnswer(true),
  })
  return (
    <Modal opened onClose={() => onAnswer(false)} title={t('access.confirmTitle')}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const form = event.currentTarget
          confirm.mutate({
            password: fieldOf(form, 'password'),
            ...(hasSecondFactor && { code: codeOf(form) }),
          })
        }}
      >
        <Stack>
          <Text>{t('access.confirmSays')}</Text>
          <PasswordInput
            ref={focus}
            data-autofocus
            name="password"
            label={t('access.passwordAgain')}
            autoComplete="current-password"
            maxLength={128}
            required
          />
          {hasSecondFactor && (
            <TextInput
              name="code"
              label={t('access.confirmCode')}
              autoComplete="one-time-code"
              inputMode="numeric"
              minLength={6}
              maxLength={20}
              required
            />
          )}
          <FormEnd of={confirm} verb={t('access.confirm')} onCancel={() => onAnswer(false)} />
        </Stack>
      </form>
    </Modal>
  )
}
