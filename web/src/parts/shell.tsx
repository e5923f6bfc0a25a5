import {
  ActionIcon,
  Anchor,
  AppShell,
  Burger,
  Group,
  Indicator,
  Menu,
  NavLink,
  Stack,
  Text,
  Title,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, useNavigate, useRouterState } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Permission } from '../../../src/access/permission-rules.ts'
import { ask, type Session } from '../api.ts'
import { changeLanguage, type Language, languages } from '../texts.ts'
import { type News, useNews } from './news.ts'

const places = [
  { to: '/', text: 'shell.cycles', permission: 'cycles.read' },
  { to: '/claims', text: 'shell.claims', permission: 'claims.read' },
  { to: '/members', text: 'shell.members', permission: 'members.read' },
  { to: '/tiers', text: 'shell.tiers', permission: 'agents.read' },
  { to: '/jobs', text: 'shell.jobs', permission: 'jobs.read' },
  { to: '/audit', text: 'shell.audit', permission: 'audit.read' },
  { to: '/users', text: 'shell.users', permission: 'users.read' },
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
  const [opened, { toggle, close }] = useDisclosure()
  const path = useRouterState({ select: (state) => state.location.pathname })
  const isAt = (to: string) => (to === '/' ? path === '/' || path.startsWith('/cycles') : path.startsWith(to))
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding="md"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('shell.menu')} />
            <Title order={1} size="h3">
              Almoner
            </Title>
          </Group>
          <Group wrap="nowrap" gap="xs">
            <Bell session={session} />
            <Person session={session} onSignedOut={onSignedOut} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" component="nav" aria-label={t('shell.nav')}>
        {places
          .filter(({ permission }) => session.permissions[permission] !== undefined)
          .map(({ to, text }) => (
            <NavLink
              key={to}
              component={Link}
              to={to}
              label={t(text)}
              active={isAt(to)}
              {...(isAt(to) && { 'aria-current': 'page' as const })}
              onClick={close}
            />
          ))}
      </AppShell.Navbar>
      <AppShell.Main id="content">{children}</AppShell.Main>
    </AppShell>
  )
}

function Person({ session, onSignedOut }: { session: Session; onSignedOut: () => Promise<void> }) {
  const { t, i18n } = useTranslation()
  const navigate = useNavigate()
  const { setColorScheme } = useMantineColorScheme()
  const isDark = useComputedColorScheme('light') === 'dark'
  const signOut = async () => {
    await ask('DELETE', '/api/session')
    await onSignedOut()
    await navigate({ to: '/sign-in' })
  }
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <Anchor component="button" type="button" size="sm" maw={160} truncate>
          {session.name}
        </Anchor>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{session.email}</Menu.Label>
        <Menu.Item component={Link} to="/account">
          {t('shell.account')}
        </Menu.Item>
        <Menu.Item onClick={() => setColorScheme(isDark ? 'light' : 'dark')}>
          {t(isDark ? 'shell.light' : 'shell.dark')}
        </Menu.Item>
        <Menu.Label>{t('shell.language')}</Menu.Label>
        {(Object.keys(languages) as Language[]).map((language) => (
          <Menu.Item
            key={language}
            lang={language}
            disabled={i18n.language === language}
            onClick={() => void changeLanguage(language)}
          >
            {languages[language]}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => void signOut()}>{t('shell.signOut')}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function Bell({ session }: { session: Session }) {
  const { t } = useTranslation()
  const news = useNews(session)
  const [seen, setSeen] = useState(0)
  const unseen = news.length - seen
  const canAsk = 'Notification' in window && Notification.permission === 'default'
  return (
    <Menu position="bottom-end" width={300} onOpen={() => setSeen(news.length)}>
      <Indicator disabled={unseen === 0} label={unseen} size={16}>
        <Menu.Target>
          <ActionIcon variant="subtle" aria-label={t('shell.bell')}>
            {/* Drawn, for not every machine has the sign in its fonts. */}
            <svg
              width="20"
              height="20"
              viewBox="0 0 24 24"
              fill="none"
              stroke="currentColor"
              strokeWidth="1.8"
              aria-hidden="true"
            >
              <path
                d="M5.5 17h13c-1.5-1.7-2-3-2-7a4.5 4.5 0 0 0-9 0c0 4-.5 5.3-2 7Z"
                strokeLinejoin="round"
              />
              <path d="M10 20a2 2 0 0 0 4 0" strokeLinecap="round" />
            </svg>
          </ActionIcon>
        </Menu.Target>
      </Indicator>
      <Menu.Dropdown>
        {news.length === 0 && (
          <Text size="sm" c="dimmed" p="xs">
            {t('shell.nothingHappened')}
          </Text>
        )}
        {news.map((one: News) => (
          <Menu.Item
            key={one.cycleId}
            renderRoot={(props) => (
              <Link {...props} to="/cycles/$cycleId" params={{ cycleId: one.cycleId }} />
            )}
          >
            <Stack gap={0}>{one.sentence}</Stack>
          </Menu.Item>
        ))}
        {canAsk && (
          <Menu.Item onClick={() => void Notification.requestPermission()}>{t('shell.notify')}</Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
