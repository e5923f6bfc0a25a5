import { Anchor, Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Navigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask } from '../../api.ts'
import { ErrorAlert, fieldOf, focus } from '../../parts/forms.tsx'
import { codeOf } from '../../parts/second-factor.tsx'
import { useSession } from '../../session.ts'
import { type SignedIn, useEnter } from './enter.ts'
import { ForgottenPassword } from './forgotten-password.tsx'
import { BackLink, SignInCard } from './sign-in-card.tsx'

export function SignInPage() {
  const session = useSession()
  const enter = useEnter()
  const [step, setStep] = useState<'password' | 'code' | 'forgotten'>('password')
  const [email, setEmail] = useState('')
  const back = () => setStep('password')
  if (session.data) return <Navigate to="/" replace />
  return (
    <SignInCard>
      {step === 'password' && (
        <PasswordStep
          email={email}
          onEmail={setEmail}
          onSignedIn={({ secondFactorNeeded }) => (secondFactorNeeded ? setStep('code') : enter())}
          onForgotten={() => setStep('forgotten')}
        />
      )}
      {step === 'code' && <CodeStep onSignedIn={enter} onBack={back} />}
      {step === 'forgotten' && <ForgottenPassword email={email} onBack={back} />}
    </SignInCard>
  )
}

function PasswordStep({
  email,
  onEmail,
  onSignedIn,
  onForgotten,
}: {
  email: string
  onEmail: (email: string) => void
  onSignedIn: (answer: SignedIn) => unknown
  onForgotten: () => void
}) {
  const { t } = useTranslation()
  const signIn = useMutation({
    mutationFn: (password: string) =>
      ask<SignedIn>('POST', '/api/session', { email: email.trim(), password }),
    onSuccess: onSignedIn,
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        signIn.mutate(fieldOf(event.currentTarget, 'password'))
      }}
    >
      <Stack>
        <TextInput
          ref={focus}
          name="email"
          type="email"
          label={t('shell.email')}
          autoComplete="username"
          value={email}
          onChange={(event) => onEmail(event.currentTarget.value)}
          required
        />
        <PasswordInput
          name="password"
          label={t('access.password')}
          autoComplete="current-password"
          maxLength={128}
          required
        />
        <ErrorAlert error={signIn.error} />
        <Button type="submit" loading={signIn.isPending}>
          {t('access.signIn')}
        </Button>
        <Anchor component="button" type="button" size="sm" onClick={onForgotten}>
          {t('access.forgotten')}
        </Anchor>
      </Stack>
    </form>
  )
}

function CodeStep({ onSignedIn, onBack }: { onSignedIn: () => Promise<void>; onBack: () => void }) {
  const { t } = useTranslation()
  const give = useMutation({
    mutationFn: (code: string) => ask('POST', '/api/session/code', { code }),
    onSuccess: onSignedIn,
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        give.mutate(codeOf(event.currentTarget))
      }}
    >
      <Stack>
        <TextInput
          ref={focus}
          name="code"
          label={t('access.code')}
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          minLength={6}
          maxLength={20}
          required
        />
        <ErrorAlert error={give.error} />
        <Button type="submit" loading={give.isPending}>
          {t('access.goOn')}
        </Button>
        <BackLink onBack={onBack} />
      </Stack>
    </form>
  )
}
