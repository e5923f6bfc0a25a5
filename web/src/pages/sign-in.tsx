/** The pages for who is nobody yet, each a card that stands alone. */
import {
  Alert,
  Anchor,
  Button,
  Center,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link, Navigate, useNavigate } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask } from '../api.ts'
import { fieldOf, focus, Refused } from '../parts/forms.tsx'
import { codeOf, SecondFactor } from '../parts/second-factor.tsx'
import { useChangeOfSession, useSession } from '../session.ts'

interface SignedIn {
  secondFactorNeeded: boolean
}

export function SignInPage() {
  const session = useSession()
  const enter = useEnter()
  const [step, setStep] = useState<'password' | 'code' | 'forgotten'>('password')
  const [email, setEmail] = useState('')
  const back = () => setStep('password')
  if (session.data) return <Navigate to="/" replace />
  return (
    <Card>
      {step === 'password' && (
        <PasswordStep
          email={email}
          onEmail={setEmail}
          onSignedIn={({ secondFactorNeeded }) => (secondFactorNeeded ? setStep('code') : enter())}
          onForgotten={() => setStep('forgotten')}
        />
      )}
      {step === 'code' && <CodeStep onSignedIn={enter} onBack={back} />}
      {step === 'forgotten' && <ForgottenStep email={email} onBack={back} />}
    </Card>
  )
}

export function SetPasswordPage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const token = useToken()
  const set = useMutation({
    mutationFn: (newPassword: string) => ask('POST', '/api/password', { token, newPassword }),
    onSuccess: async () => {
      notifications.show({ message: t('access.passwordSet'), color: 'green' })
      // The link is good no more, and has no place in the history.
      await navigate({ to: '/sign-in', replace: true })
    },
  })
  if (token === '') return <NoToken />
  return (
    <Card>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          set.mutate(fieldOf(event.currentTarget, 'newPassword'))
        }}
      >
        <Stack>
          <NewPassword isFirst />
          <Refused error={set.error} />
          <Button type="submit" loading={set.isPending}>
            {t('access.setPassword')}
          </Button>
          <Anchor component={Link} to="/sign-in" size="sm">
            {t('access.toSignIn')}
          </Anchor>
        </Stack>
      </form>
    </Card>
  )
}

export function SetUpPage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const enter = useEnter()
  const token = useToken()
  const setUp = useMutation({
    mutationFn: (given: { name: string; email: string; newPassword: string }) =>
      ask<SignedIn>('POST', '/api/set-up', { ...given, token }),
    onSuccess: ({ secondFactorNeeded }) =>
      secondFactorNeeded ? navigate({ to: '/sign-in', replace: true }) : enter(),
  })
  if (token === '') return <NoToken />
  return (
    <Card>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const form = event.currentTarget
          setUp.mutate({
            name: fieldOf(form, 'name').trim(),
            email: fieldOf(form, 'email').trim(),
            newPassword: fieldOf(form, 'newPassword'),
          })
        }}
      >
        <Stack>
          <Text>{t('access.setUpSays')}</Text>
          <TextInput
            ref={focus}
            name="name"
            label={t('access.yourName')}
            autoComplete="name"
            maxLength={200}
            required
          />
          <TextInput name="email" type="email" label={t('shell.email')} autoComplete="username" required />
          <NewPassword />
          <Refused error={setUp.error} />
          <Button type="submit" loading={setUp.isPending}>
            {t('access.setUp')}
          </Button>
        </Stack>
      </form>
    </Card>
  )
}

/** For a session that may do nothing before it has a second factor. */
export function EnrolPage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const renew = useChangeOfSession()
  const signOut = useMutation({
    mutationFn: () => ask('DELETE', '/api/session'),
    onSuccess: async () => {
      await renew()
      await navigate({ to: '/sign-in' })
    },
  })
  return (
    <Card>
      <Stack>
        {/* It is the same person as before, so only the session is asked for again. */}
        <SecondFactor onEnrolled={() => void queries.invalidateQueries({ queryKey: ['session'] })} />
        <Refused error={signOut.error} />
        <Button variant="subtle" loading={signOut.isPending} onClick={() => signOut.mutate()}>
          {t('shell.signOut')}
        </Button>
      </Stack>
    </Card>
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
        <Refused error={signIn.error} />
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
        <Refused error={give.error} />
        <Button type="submit" loading={give.isPending}>
          {t('access.goOn')}
        </Button>
        <Back onBack={onBack} />
      </Stack>
    </form>
  )
}

function ForgottenStep({ email, onBack }: { email: string; onBack: () => void }) {
  const { t } = useTranslation()
  const send = useMutation({
    mutationFn: (to: string) => ask('POST', '/api/password-links', { email: to }),
  })
  if (send.isSuccess) {
    return (
      <Stack>
        <Text role="status">{t('access.linkSent')}</Text>
        <Back onBack={onBack} />
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
        <Refused error={send.error} />
        <Button type="submit" loading={send.isPending}>
          {t('access.sendLink')}
        </Button>
        <Back onBack={onBack} />
      </Stack>
    </form>
  )
}

function NewPassword({ isFirst = false }: { isFirst?: boolean }) {
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

function NoToken() {
  const { t } = useTranslation()
  return (
    <Card>
      <Stack>
        <Alert color="red" role="alert">
          {t('access.noToken')}
        </Alert>
        <Anchor component={Link} to="/sign-in" size="sm">
          {t('access.toSignIn')}
        </Anchor>
      </Stack>
    </Card>
  )
}

function Back({ onBack }: { onBack: () => void }) {
  const { t } = useTranslation()
  return (
    <Anchor component="button" type="button" size="sm" onClick={onBack}>
      {t('shell.back')}
    </Anchor>
  )
}

function Card({ children }: { children: ReactNode }) {
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

/** After a sign-in: who it is, and then to the start. */
function useEnter(): () => Promise<void> {
  const renew = useChangeOfSession()
  const navigate = useNavigate()
  return async () => {
    await renew()
    await navigate({ to: '/', replace: true })
  }
}

/** Of the link that was followed; it stands in the hash so that no server and no log ever sees it. */
function useToken(): string {
  return useState(() => location.hash.slice(1))[0]
}
