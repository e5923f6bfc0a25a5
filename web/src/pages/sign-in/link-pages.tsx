/** The pages that a link with a token opens: to set a password, and to set up the first admin. */
import { Alert, Anchor, Button, Stack, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask } from '../../api.ts'
import { ErrorAlert, fieldOf, focus } from '../../parts/forms.tsx'
import { NewPasswordField } from '../../parts/new-password-field.tsx'
import { type SignedIn, useEnter } from './enter.ts'
import { SignInCard } from './sign-in-card.tsx'

export function SetPasswordPage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const token = useLinkToken()
  const set = useMutation({
    mutationFn: (newPassword: string) => ask('POST', '/api/password', { token, newPassword }),
    onSuccess: async () => {
      notifications.show({ message: t('access.passwordSet'), color: 'green' })
      // The link is used up and must not stay in the history.
      await navigate({ to: '/sign-in', replace: true })
    },
  })
  if (token === '') return <NoTokenCard />
  return (
    <SignInCard>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          set.mutate(fieldOf(event.currentTarget, 'newPassword'))
        }}
      >
        <Stack>
          <NewPasswordField isFirst />
          <ErrorAlert error={set.error} />
          <Button type="submit" loading={set.isPending}>
            {t('access.setPassword')}
          </Button>
          <Anchor component={Link} to="/sign-in" size="sm">
            {t('access.toSignIn')}
          </Anchor>
        </Stack>
      </form>
    </SignInCard>
  )
}

export function SetUpPage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const enter = useEnter()
  const token = useLinkToken()
  const setUp = useMutation({
    mutationFn: (given: { name: string; email: string; newPassword: string }) =>
      ask<SignedIn>('POST', '/api/set-up', { ...given, token }),
    onSuccess: ({ secondFactorNeeded }) =>
      secondFactorNeeded ? navigate({ to: '/sign-in', replace: true }) : enter(),
  })
  if (token === '') return <NoTokenCard />
  return (
    <SignInCard>
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
          <NewPasswordField />
          <ErrorAlert error={setUp.error} />
          <Button type="submit" loading={setUp.isPending}>
            {t('access.setUp')}
          </Button>
        </Stack>
      </form>
    </SignInCard>
  )
}

/** For a link without its token. */
function NoTokenCard() {
  const { t } = useTranslation()
  return (
    <SignInCard>
      <Stack>
        <Alert color="red" role="alert">
          {t('access.noToken')}
        </Alert>
        <Anchor component={Link} to="/sign-in" size="sm">
          {t('access.toSignIn')}
        </Anchor>
      </Stack>
    </SignInCard>
  )
}

/** The token of the opened link; it is in the hash, so that no server and no log ever sees it. */
function useLinkToken(): string {
  return useState(() => location.hash.slice(1))[0]
}
