import { Modal, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, stepUpWith } from '../api.ts'
import { FormEnd, fieldOf, focus } from './forms.tsx'
import { codeOf } from './second-factor.tsx'

/**
 * Asks for password and code once more when the server wants them for what the user is about to do. What she did is then
 * asked for again by itself.
 *
 * @param hasSecondFactor whether a code is asked for too
 */
export function StepUp({ hasSecondFactor }: { hasSecondFactor: boolean }) {
  const { t } = useTranslation()
  const [isAsked, setAsked] = useState(false)
  const answer = useRef<(isConfirmed: boolean) => void>(() => {})
  useEffect(
    () =>
      stepUpWith(
        () =>
          new Promise((resolve) => {
            answer.current = resolve
            setAsked(true)
          }),
      ),
    [],
  )
  const close = (isConfirmed: boolean) => {
    setAsked(false)
    answer.current(isConfirmed)
  }
  const confirm = useMutation({
    mutationFn: (given: { password: string; code?: string }) => ask('POST', '/api/session/confirm', given),
    onSuccess: () => close(true),
  })
  return (
    <Modal opened={isAsked} onClose={() => close(false)} title={t('access.confirmTitle')}>
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
          <FormEnd of={confirm} verb={t('access.confirm')} onCancel={() => close(false)} />
        </Stack>
      </form>
    </Modal>
  )
}
