import {
  ActionIcon,
  Badge,
  Button,
  Group,
  Menu,
  Modal,
  Radio,
  Select,
  Stack,
  Tabs,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Role } from '../../../src/access/permission-rules.ts'
import { ask, type User, type UserWithLink } from '../api.ts'
import { instant } from '../format.ts'
import { useApproval } from '../parts/approvals.ts'
import { useAgents } from '../parts/choices.ts'
import { DataTable } from '../parts/data-table.tsx'
import { Confirmation, fieldOf, Refused, Secret } from '../parts/forms.tsx'
import { List, useList } from '../parts/list.tsx'
import { Shown } from '../parts/states.tsx'
import { TwoPersons } from '../parts/two-persons.tsx'
import { useFund, useMay, useSession } from '../session.ts'
import { Keys } from './api-keys.tsx'

const usersPath = '/api/users'

const roles = Object.keys({
  admin: true,
  treasurer: true,
  clerk: true,
  agent: true,
  auditor: true,
} satisfies Record<Role, true>) as Role[]

export function UsersPage() {
  const { t } = useTranslation()
  return (
    <Stack>
      <Title order={2}>{t('access.title')}</Title>
      <Tabs defaultValue="users" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="users">{t('access.users')}</Tabs.Tab>
          <Tabs.Tab value="keys">{t('access.keys')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="users">
          <Users />
        </Tabs.Panel>
        <Tabs.Panel value="keys">
          <Keys />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

/** What is open over the list of users. */
type UserAct =
  | { kind: 'add' }
  | { kind: 'change' | 'disable' | 'enable' | 'reset'; user: User }
  | { kind: 'link'; user: User; link: string }

function Users() {
  const { t } = useTranslation()
  const may = useMay()
  const list = useList<User>(usersPath)
  const [opened, { open, close }] = useDisclosure()
  // It stays while the modal closes, which would otherwise be empty for a moment.
  const [act, setAct] = useState<UserAct>({ kind: 'add' })
  const begin = (next: UserAct) => {
    setAct(next)
    open()
  }
  const refresh = useRefreshUsers()
  const onClose = () => {
    close()
    // Whoever resets the own account is out, but not before the link has been read.
    if (act.kind === 'link') refresh(act.user)
  }
  const onLink = (user: UserWithLink) => {
    if (user.passwordLink !== null) {
      setAct({ kind: 'link', user, link: user.passwordLink })
      return
    }
    notifications.show({ message: t('access.linkMailed', { email: user.email }), color: 'green' })
    refresh(user)
    close()
  }
  const canChange = may('users.change')
  return (
    <Stack>
      {canChange && (
        <Group>
          <Button onClick={() => begin({ kind: 'add' })}>{t('access.addUser')}</Button>
        </Group>
      )}
      <List of={list} empty={t('access.noUsers')}>
        {(users) => (
          <DataTable
            rows={users}
            keyOf={(user) => user.userId}
            columns={[
              { name: t('shell.name'), show: (user) => user.name },
              { name: t('shell.email'), show: (user) => user.email },
              { name: t('access.role'), show: (user) => t(`access.roles.${user.role}`) },
              { name: t('access.agent'), as: 'code', show: (user) => user.agentCode },
              {
                name: t('access.secondFactor'),
                show: (user) => t(user.secondFactor ? 'access.yes' : 'access.no'),
              },
              {
                name: t('access.state'),
                show: (user) => (
                  <Stack gap="xs" align="flex-start">
                    <UserState user={user} />
                    <NewRole user={user} />
                  </Stack>
                ),
              },
              canChange && {
                name: t('access.change'),
                show: (user) => <UserMenu user={user} onChoose={(kind) => begin({ kind, user })} />,
              },
            ]}
          />
        )}
      </List>
      <Modal
        opened={opened}
        onClose={onClose}
        title={titleOf(act, t)}
        closeOnClickOutside={act.kind !== 'link'}
        closeOnEscape={act.kind !== 'link'}
      >
        {act.kind === 'add' && <AddUser onAdded={onLink} />}
        {act.kind === 'change' && <ChangeUser user={act.user} onClose={close} />}
        {(act.kind === 'disable' || act.kind === 'enable') && (
          <SwitchUser user={act.user} disabled={act.kind === 'disable'} onClose={close} />
        )}
        {act.kind === 'reset' && <ResetUser user={act.user} onReset={onLink} onClose={close} />}
        {act.kind === 'link' && (
          <Secret
            label={t('access.link')}
            sentence={t('access.linkSays', { email: act.user.email })}
            value={act.link}
            onClose={onClose}
          />
        )}
      </Modal>
    </Stack>
  )
}

function titleOf(act: UserAct, t: TFunction): string {
  if (act.kind === 'add') return t('access.addUser')
  const { name } = act.user
  if (act.kind === 'change') return t('access.changeUser', { name })
  return t(`access.${act.kind}Title`, { name })
}

function UserState({ user }: { user: User }) {
  const { t } = useTranslation()
  const [color, text] =
    user.disabledAt !== null
      ? (['red', 'access.disabled'] as const)
      : user.hasPassword
        ? (['green', 'access.enabled'] as const)
        : (['yellow', 'access.noPassword'] as const)
  return <Badge color={color}>{t(text)}</Badge>
}

/** Whose role is new decides later, or when two admins say so. */
function NewRole({ user: { userId, name, settledAt } }: { user: User }) {
  const { t } = useTranslation()
  const may = useMay()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const asked = useApproval(userId)
  if (settledAt === null || Date.parse(settledAt) <= Date.now()) return null
  return (
    <>
      <Text size="sm">{t('access.decidesFrom', { at: instant(settledAt, timeZone) })}</Text>
      {may('users.change') && (
        <TwoPersons
          path={`${usersPath}/${userId}/confirmation`}
          asked={asked}
          texts={{
            title: t('access.confirmUser', { name }),
            request: t('access.askToConfirm'),
            approve: t('access.letDecide'),
            approveSays: t('access.letDecideSays', { name }),
          }}
        />
      )}
    </>
  )
}

function UserMenu({
  user,
  onChoose,
}: {
  user: User
  onChoose: (kind: 'change' | 'disable' | 'enable' | 'reset') => void
}) {
  const { t } = useTranslation()
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="default" aria-label={t('access.actions', { name: user.name })}>
          <span aria-hidden="true">⋯</span>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => onChoose('change')}>{t('access.change')}</Menu.Item>
        <Menu.Item onClick={() => onChoose('reset')}>{t('access.reset')}</Menu.Item>
        {user.disabledAt === null ? (
          <Menu.Item color="red" onClick={() => onChoose('disable')}>
            {t('access.disable')}
          </Menu.Item>
        ) : (
          <Menu.Item onClick={() => onChoose('enable')}>{t('access.enable')}</Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

/** After a change of a user; one's own may have ended this session. */
function useRefreshUsers(): (changed: User) => void {
  const queries = useQueryClient()
  const { data: session } = useSession()
  return (changed) => {
    void queries.invalidateQueries({ queryKey: [usersPath] })
    if (changed.userId === session?.userId) void queries.invalidateQueries({ queryKey: ['session'] })
  }
}

interface Standing {
  role: Role
  agentId: string | null
}

function AddUser({ onAdded }: { onAdded: (user: UserWithLink) => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [standing, setStanding] = useState<Standing>({ role: 'clerk', agentId: null })
  const add = useMutation({
    mutationFn: (given: { name: string; email: string } & Standing) =>
      ask<UserWithLink>('POST', usersPath, given),
    onSuccess: (user) => {
      void queries.invalidateQueries({ queryKey: [usersPath] })
      onAdded(user)
    },
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        const form = event.currentTarget
        add.mutate({
          name: fieldOf(form, 'name').trim(),
          email: fieldOf(form, 'email').trim(),
          ...standing,
        })
      }}
    >
      <Stack>
        <TextInput
          data-autofocus
          name="name"
          label={t('shell.name')}
          autoComplete="off"
          maxLength={200}
          required
        />
        <TextInput name="email" type="email" label={t('shell.email')} autoComplete="off" required />
        <StandingFields value={standing} onChange={setStanding} />
        <Refused error={add.error} />
        <Button type="submit" loading={add.isPending}>
          {t('access.add')}
        </Button>
      </Stack>
    </form>
  )
}

function ChangeUser({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation()
  const refresh = useRefreshUsers()
  const [standing, setStanding] = useState<Standing>({ role: user.role, agentId: user.agentId })
  const change = useMutation({
    mutationFn: (changes: { name?: string; role?: Role; agentId?: string | null }) =>
      ask<User>('PATCH', `${usersPath}/${user.userId}`, changes),
    onSuccess: (changed) => {
      notifications.show({ message: t('shell.saved'), color: 'green' })
      refresh(changed)
      onClose()
    },
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        const name = fieldOf(event.currentTarget, 'name').trim()
        const changes = {
          ...(name !== user.name && { name }),
          ...(standing.role !== user.role && { role: standing.role }),
          ...(standing.agentId !== user.agentId && { agentId: standing.agentId }),
        }
        if (Object.keys(changes).length === 0) onClose()
        else change.mutate(changes)
      }}
    >
      <Stack>
        <TextInput
          data-autofocus
          name="name"
          label={t('shell.name')}
          autoComplete="off"
          defaultValue={user.name}
          maxLength={200}
          required
        />
        <StandingFields value={standing} onChange={setStanding} />
        <Text size="sm" c="dimmed">
          {t('access.changeSays')}
        </Text>
        <Refused error={change.error} />
        <Button type="submit" loading={change.isPending}>
          {t('shell.save')}
        </Button>
      </Stack>
    </form>
  )
}

/** Role, and whose members somebody sees who is an agent. */
function StandingFields({
  value: { role, agentId },
  onChange,
}: {
  value: Standing
  onChange: (value: Standing) => void
}) {
  const { t } = useTranslation()
  return (
    <>
      <Radio.Group
        label={t('access.role')}
        value={role}
        onChange={(chosen) => onChange({ role: chosen as Role, agentId: null })}
      >
        <Stack gap="xs" mt="xs">
          {roles.map((one) => (
            <Radio
              key={one}
              value={one}
              label={t(`access.roles.${one}`)}
              description={t(`access.roleSays.${one}`)}
            />
          ))}
        </Stack>
      </Radio.Group>
      {role === 'agent' && (
        <AgentField value={agentId} onChange={(chosen) => onChange({ role, agentId: chosen })} />
      )}
    </>
  )
}

function AgentField({
  value,
  onChange,
}: {
  value: string | null
  onChange: (agentId: string | null) => void
}) {
  const { t } = useTranslation()
  const agents = useAgents()
  return (
    <Shown of={agents}>
      {(all) => (
        <Select
          label={t('access.chooseAgent')}
          data={all.map(({ agentId, agentCode, fullName }) => ({
            value: agentId,
            label: `${agentCode} · ${fullName}`,
          }))}
          value={value}
          onChange={onChange}
          nothingFoundMessage={t('access.noAgent')}
          autoComplete="off"
          limit={100}
          searchable
          required
        />
      )}
    </Shown>
  )
}

function SwitchUser({ user, disabled, onClose }: { user: User; disabled: boolean; onClose: () => void }) {
  const { t } = useTranslation()
  const refresh = useRefreshUsers()
  const change = useMutation({
    mutationFn: () => ask<User>('PATCH', `${usersPath}/${user.userId}`, { disabled }),
    onSuccess: (changed) => {
      const { name } = changed
      notifications.show({
        message: t(disabled ? 'access.userDisabled' : 'access.userEnabled', { name }),
        color: 'green',
      })
      refresh(changed)
      onClose()
    },
  })
  return (
    <Confirmation
      sentence={t(disabled ? 'access.disableSays' : 'access.enableSays', { email: user.email })}
      action={t(disabled ? 'access.disable' : 'access.enable')}
      isDangerous={disabled}
      isPending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate()}
      onClose={onClose}
    />
  )
}

function ResetUser({
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
