import {
  ActionIcon,
  Anchor,
  AppShell,
  Burger,
  Button,
  Divider,
  Group,
  Indicator,
  NavLink,
  Text,
  Title,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, useNavigate, useRouterState } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Permission } from '../../../src/access/permission-rules.ts'
import { ask, type Session } from '../api.ts'
import { useMay } from '../session.ts'
import { changeLanguage, type Language, languages } from '../texts.ts'
import { useTellNews, useUnread } from './news.ts'
import { StepUp } from './step-up.tsx'

const places = [
  { to: '/', text: 'shell.cycles', permission: 'cycles.read' },
  { to: '/claims', text: 'shell.claims', permission: 'claims.read' },
  { to: '/members', text: 'shell.members', permission: 'members.read' },
  { to: '/payments', text: 'shell.payments', permission: 'payments.read' },
  { to: '/ledger', text: 'shell.ledger', permission: 'ledger.read' },
  { to: '/tiers', text: 'shell.tiers', permission: 'agents.read' },
  { to: '/deliveries', text: 'shell.deliveries', permission: 'deliveries.read' },
  { to: '/jobs', text: 'shell.jobs', permission: 'jobs.read' },
  { to: '/audit', text: 'shell.audit', permission: 'audit.read' },
  { to: '/users', text: 'shell.users', permission: 'users.read' },
  { to: '/templates', text: 'shell.templates', permission: 'templates.change' },
  { to: '/webhooks', text: 'shell.webhooks', permission: 'webhooks.change' },
  { to: '/settings', text: 'shell.settings', permission: 'fund.change' },
] as const satisfies readonly { to: string; text: string; permission: Permission }[]

export function Shell({
  session,
  onSignedOut,
  children,
}: {
  session: Session
  onSignedOut: () => Promise<void>
  children: ReactNode
}) {
  const { t } = useTranslation()
  useTellNews()
  const [opened, { toggle, close }] = useDisclosure()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const isAt = (to: string) => (to === '/' ? path === '/' || path.startsWith('/cycles') : path.startsWith(to))
  const place = (to: string, label: string) => (
    <NavLink
      key={to}
      component={Link}
      to={to}
      label={label}
      active={isAt(to)}
      {...(isAt(to) && { 'aria-current': 'page' as const })}
      onClick={close}
    />
  )
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding="md"
    >
      <StepUp hasSecondFactor={session.secondFactor} />
      <Anchor href="#content" className="skip">
        {t('shell.skip')}
      </Anchor>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('shell.menu')} />
            <Title order={1} size="h3">
              Almoner
            </Title>
          </Group>
          <NoticesBell />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" component="nav" aria-label={t('shell.nav')}>
        <AppShell.Section grow className="scroll">
          {places
            .filter(({ permission }) => session.permissions[permission] !== undefined)
            .map(({ to, text }) => place(to, t(text)))}
        </AppShell.Section>
        <AppShell.Section>
          <Divider my="xs" />
          <Text size="sm" px="sm" truncate title={session.email}>
            {session.name}
          </Text>
          {place('/account', t('shell.account'))}
          <LanguageAndColours />
          <SignOut onSignedOut={onSignedOut} />
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        {children}
      </AppShell.Main>
    </AppShell>
  )
}

/** The language, and light or dark. */
function LanguageAndColours() {
  const { t, i18n } = useTranslation()
  const { setColorScheme } = useMantineColorScheme()
  const isDark = useComputedColorScheme('light') === 'dark'
  return (
    <Group gap={0} role="group" aria-label={t('shell.language')}>
      {(Object.keys(languages) as Language[]).map((language) => (
        <Button
          key={language}
          lang={language}
          variant="subtle"
          size="compact-sm"
          aria-pressed={i18n.language === language}
          onClick={() => void changeLanguage(language)}
        >
          {languages[language]}
        </Button>
      ))}
      <Button
        variant="subtle"
        size="compact-sm"
        ml="auto"
        onClick={() => setColorScheme(isDark ? 'light' : 'dark')}
      >
        {t(isDark ? 'shell.light' : 'shell.dark')}
      </Button>
    </Group>
  )
}

function SignOut({ onSignedOut }: { onSignedOut: () => Promise<void> }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const signOut = async () => {
    await ask('DELETE', '/api/session')
    await onSignedOut()
    await navigate({ to: '/sign-in' })
  }
  return <NavLink component="button" label={t('shell.signOut')} onClick={() => void signOut()} />
}

function NoticesBell() {
  const { t } = useTranslation()
  const may = useMay()
  const unread = useUnread()
  if (!may('notices.read')) return null
  return (
    <Indicator disabled={unread === 0} label={unread} size={16}>
      <ActionIcon
        component={Link}
        to="/notices"
        variant="subtle"
        aria-label={t('notices.bell', { count: unread })}
      >
        {/* Drawn, because not every machine has the sign in its fonts. */}
        <svg
          width="20"
          height="20"
          viewBox="0 0 24 24"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.8"
          aria-hidden="true"
        >
          <path d="M5.5 17h13c-1.5-1.7-2-3-2-7a4.5 4.5 0 0 0-9 0c0 4-.5 5.3-2 7Z" strokeLinejoin="round" />
          <path d="M10 20a2 2 0 0 0 4 0" strokeLinecap="round" />
        </svg>
      </ActionIcon>
    </Indicator>
  )
}
