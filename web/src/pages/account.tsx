import { Badge, Button, Group, Modal, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type LiveSession, type Session } from '../api.ts'
import { instant } from '../format.ts'
import { DataTable } from '../parts/data-table.tsx'
import { fieldOf, Refused } from '../parts/forms.tsx'
import { Preferences } from '../parts/preferences.tsx'
import { SecondFactor } from '../parts/second-factor.tsx'
import { Loading, Shown } from '../parts/states.tsx'
import { useChangeOfSession, useSession } from '../session.ts'

const sessionsPath = '/api/sessions'

export function AccountPage() {
  const { t } = useTranslation()
  const { data: session } = useSession()
  if (!session) return <Loading />
  return (
    <Stack>
      <Title order={2}>{t('access.account')}</Title>
      <Part title={session.name}>
        <Text>{session.email}</Text>
        <Text>
          {t(`access.roles.${session.role}`)}: {t(`access.roleSays.${session.role}`)}
        </Text>
      </Part>
      <Part title={t('access.changePassword')}>
        <PasswordForm session={session} />
      </Part>
      <Part title={t('access.secondFactor')}>
        <SecondFactorState session={session} />
      </Part>
      <Part title={t('notices.preferences')}>
        <Preferences path="/api/notice-preferences" />
      </Part>
      <Part title={t('access.sessions')}>
        <Sessions />
      </Part>
    </Stack>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="lg" component="section">
      <Stack>
        <Title order={3} size="h4">
          {title}
        </Title>
        {children}
      </Stack>
    </Paper>
  )
}

function PasswordForm({ session }: { session: Session }) {
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
        <PasswordInput
          name="newPassword"
          label={t('access.newPassword')}
          description={t('access.newPasswordHint')}
          autoComplete="new-password"
          minLength={12}
          maxLength={128}
          required
        />
        <Text size="sm" c="dimmed">
          {t('access.changePasswordSays')}
        </Text>
        <Refused error={change.error} />
        <Group>
          <Button type="submit" loading={change.isPending}>
            {t('access.changePassword')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function SecondFactorState({ session }: { session: Session }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [opened, { open, close }] = useDisclosure()
  const onEnrolled = () => {
    close()
    notifications.show({ message: t('access.enrolled'), color: 'green' })
    void queries.invalidateQueries({ queryKey: ['session'] })
    void queries.invalidateQueries({ queryKey: [sessionsPath] })
  }
  return (
    <>
      {session.secondFactor ? (
        <>
          <Text>{t('access.secondFactorOn')}</Text>
          <Text size="sm" c="dimmed">
            {t('access.secondFactorLost')}
          </Text>
        </>
      ) : (
        <>
          <Text>{t('access.secondFactorOff')}</Text>
          <Group>
            <Button onClick={open}>{t('access.enrol')}</Button>
          </Group>
        </>
      )}
      <Modal opened={opened} onClose={close} title={t('access.enrol')} closeOnClickOutside={false}>
        <SecondFactor onEnrolled={onEnrolled} />
      </Modal>
    </>
  )
}

function Sessions() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const renew = useChangeOfSession()
  const list = useQuery({
    queryKey: [sessionsPath],
    queryFn: () => ask<{ items: LiveSession[] }>('GET', sessionsPath),
  })
  const end = useMutation({
    mutationFn: ({ sessionId }: LiveSession) => ask('DELETE', `${sessionsPath}/${sessionId}`),
    onSuccess: async (_, { current }) => {
      notifications.show({ message: t('access.ended'), color: 'green' })
      if (!current) return queries.invalidateQueries({ queryKey: [sessionsPath] })
      await renew()
      await navigate({ to: '/sign-in' })
    },
  })
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  return (
    <>
      <Refused error={end.error} />
      <Shown of={list}>
        {({ items }) => (
          <DataTable
            rows={items}
            keyOf={(one) => one.sessionId}
            columns={[
              { name: t('access.since'), show: (one) => instant(one.createdAt, timeZone) },
              { name: t('access.lastUsed'), show: (one) => instant(one.updatedAt, timeZone) },
              { name: t('access.from'), show: (one) => one.ipAddress || t('access.unknown') },
              {
                name: t('access.browser'),
                show: (one) => (
                  <>
                    <Browser userAgent={one.userAgent ?? ''} />
                    {one.current && <Badge ml="xs">{t('access.thisOne')}</Badge>}
                  </>
                ),
              },
              {
                name: t('access.end'),
                show: (one) => (
                  <Button
                    size="xs"
                    variant="default"
                    aria-label={t('access.endThis', { at: instant(one.createdAt, timeZone) })}
                    loading={end.isPending && end.variables.sessionId === one.sessionId}
                    onClick={() => end.mutate(one)}
                  >
                    {t('access.end')}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Shown>
    </>
  )
}

function Browser({ userAgent }: { userAgent: string }) {
  const { t } = useTranslation()
  const browser = firstIn(userAgent, browsers)
  const system = firstIn(userAgent, systems)
  if (browser && system) return <>{t('access.browserOn', { browser, system })}</>
  // A program says its name first.
  return <>{browser ?? system ?? (userAgent.slice(0, 40) || t('access.unknown'))}</>
}

type Sign = readonly [sign: RegExp, name: string]

/** Browsers pretend to be one another: those that do come before those they pretend to be. */
const browsers: readonly Sign[] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]

const systems: readonly Sign[] = [
  [/\bAndroid\b/, 'Android'],
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

function firstIn(userAgent: string, signs: readonly Sign[]): string | undefined {
  return signs.find(([sign]) => sign.test(userAgent))?.[1]
}
