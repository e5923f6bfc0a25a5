import {
  ActionIcon,
  Badge,
  Button,
  Checkbox,
  Group,
  Menu,
  Modal,
  Radio,
  Select,
  Stack,
  Table,
  Tabs,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { TFunction } from 'i18next'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Permission, Role } from '../../../src/access/permission-rules.ts'
import { type Agent, type ApiKey, ask, type Page, type User, type UserWithLink, withQuery } from '../api.ts'
import { instant, number } from '../format.ts'
import { List, useList } from '../parts/list.tsx'
import { Copy, fieldOf, focus, Refused } from '../parts/second-factor.tsx'
import { Shown } from '../parts/states.tsx'
import { useFund, useMay, useSession } from '../session.ts'

const usersPath = '/api/users'
const keysPath = '/api/api-keys'
const agentsPath = '/api/agents'

type CreatedApiKey = ApiKey & { key: string }

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
          <div className="scroll">
            <Table verticalSpacing="sm">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t('shell.name')}</Table.Th>
                  <Table.Th>{t('shell.email')}</Table.Th>
                  <Table.Th>{t('access.role')}</Table.Th>
                  <Table.Th>{t('access.agent')}</Table.Th>
                  <Table.Th>{t('access.secondFactor')}</Table.Th>
                  <Table.Th>{t('access.state')}</Table.Th>
                  {canChange && <Table.Th aria-label={t('access.change')} />}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {users.map((user) => (
                  <Table.Tr key={user.userId}>
                    <Table.Td>{user.name}</Table.Td>
                    <Table.Td>{user.email}</Table.Td>
                    <Table.Td>{t(`access.roles.${user.role}`)}</Table.Td>
                    <Table.Td className="code">{user.agentCode}</Table.Td>
                    <Table.Td>{t(user.secondFactor ? 'access.yes' : 'access.no')}</Table.Td>
                    <Table.Td>
                      <UserState user={user} />
                    </Table.Td>
                    {canChange && (
                      <Table.Td>
                        <UserMenu user={user} onChoose={(kind) => begin({ kind, user })} />
                      </Table.Td>
                    )}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        )}
      </List>
      <Modal
        opened={opened}
        onClose={onClose}
        title={titleOf(act, t)}
        closeOnClickOutside={act.kind !== 'link'}
        closeOnEscape={act.kind !== 'link'}
        closeButtonProps={{ 'aria-label': t('shell.close') }}
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
  return (
    <Badge color={color} variant="light" autoContrast tt="none">
      {t(text)}
    </Badge>
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
  const agents = useQuery({ queryKey: [agentsPath, 'all'], queryFn: allAgents, staleTime: 60_000 })
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

/** The API has no search for agents, so all of them are there to be searched in. */
async function allAgents(): Promise<Agent[]> {
  const agents: Agent[] = []
  let cursor: string | null = null
  do {
    const page: Page<Agent> = await ask('GET', withQuery(agentsPath, { limit: 200, cursor }))
    agents.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return agents
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

/** What is open over the list of keys. */
type KeyAct = { kind: 'create' } | { kind: 'revoke'; key: ApiKey } | { kind: 'created'; key: CreatedApiKey }

function Keys() {
  const { t } = useTranslation()
  const may = useMay()
  const list = useList<ApiKey>(keysPath)
  const [opened, { open, close }] = useDisclosure()
  const [act, setAct] = useState<KeyAct>({ kind: 'create' })
  const begin = (next: KeyAct) => {
    setAct(next)
    open()
  }
  const canChange = may('keys.change')
  return (
    <Stack>
      {canChange && (
        <Group>
          <Button onClick={() => begin({ kind: 'create' })}>{t('access.createKey')}</Button>
        </Group>
      )}
      <List of={list} empty={t('access.noKeys')}>
        {(keys) => (
          <KeyTable keys={keys} {...(canChange && { onRevoke: (key) => begin({ kind: 'revoke', key }) })} />
        )}
      </List>
      <Modal
        opened={opened}
        onClose={close}
        // The key itself is kept no longer than it is shown.
        onExitTransitionEnd={() => setAct({ kind: 'create' })}
        title={
          act.kind === 'create'
            ? t('access.createKey')
            : t(act.kind === 'revoke' ? 'access.revokeTitle' : 'access.keyCreated', {
                name: act.key.keyName,
              })
        }
        closeOnClickOutside={act.kind !== 'created'}
        closeOnEscape={act.kind !== 'created'}
        closeButtonProps={{ 'aria-label': t('shell.close') }}
      >
        {act.kind === 'create' && <CreateKey onCreated={(key) => setAct({ kind: 'created', key })} />}
        {act.kind === 'revoke' && <RevokeKey apiKey={act.key} onClose={close} />}
        {act.kind === 'created' && (
          <Secret
            label={t('access.key')}
            sentence={t('access.keySays')}
            value={act.key.key}
            onClose={close}
          />
        )}
      </Modal>
    </Stack>
  )
}

function KeyTable({ keys, onRevoke }: { keys: ApiKey[]; onRevoke?: (key: ApiKey) => void }) {
  const { t } = useTranslation()
  const fund = useFund()
  const timeZone = fund?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  return (
    <div className="scroll">
      <Table verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('shell.name')}</Table.Th>
            <Table.Th>{t('access.keyStart')}</Table.Th>
            <Table.Th>{t('access.owner')}</Table.Th>
            <Table.Th>{t('access.permissions')}</Table.Th>
            <Table.Th>{t('access.created')}</Table.Th>
            <Table.Th>{t('access.expires')}</Table.Th>
            <Table.Th>{t('access.lastUsed')}</Table.Th>
            <Table.Th>{t('access.revoked')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {keys.map((key) => (
            <Table.Tr key={key.keyId}>
              <Table.Td>{key.keyName}</Table.Td>
              <Table.Td className="code">{key.keyStart}…</Table.Td>
              <Table.Td>{key.email}</Table.Td>
              <Table.Td>
                <Permissions of={key.permissions} />
              </Table.Td>
              <Table.Td>{instant(key.createdAt, timeZone)}</Table.Td>
              <Table.Td>
                {key.expiresAt === null ? t('access.never') : instant(key.expiresAt, timeZone)}
                {isOver(key) && (
                  <Badge ml="xs" color="gray" variant="light" autoContrast tt="none">
                    {t('access.expired')}
                  </Badge>
                )}
              </Table.Td>
              <Table.Td>
                {key.lastUsedAt === null ? t('access.notUsed') : instant(key.lastUsedAt, timeZone)}
              </Table.Td>
              <Table.Td>
                {key.revokedAt !== null ? (
                  instant(key.revokedAt, timeZone)
                ) : onRevoke ? (
                  <Button
                    size="xs"
                    variant="default"
                    aria-label={t('access.revokeKey', { name: key.keyName })}
                    onClick={() => onRevoke(key)}
                  >
                    {t('access.revoke')}
                  </Button>
                ) : (
                  t('access.no')
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function isOver({ expiresAt }: ApiKey): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now()
}

/** One is said; more are counted, and said to whoever wants to know. */
function Permissions({ of: permissions }: { of: Permission[] }) {
  const { t } = useTranslation()
  const [first, ...others] = permissions
  if (first === undefined) return null
  if (others.length === 0) return <>{t(`access.permission.${first}`)}</>
  return (
    <details>
      <summary>{t('access.permissionCount', { permissions: number(permissions.length) })}</summary>
      {permissions.map((permission) => (
        <Text key={permission} size="sm">
          {t(`access.permission.${permission}`)}
        </Text>
      ))}
    </details>
  )
}

function CreateKey({ onCreated }: { onCreated: (key: CreatedApiKey) => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const { data: session } = useSession()
  const [permissions, setPermissions] = useState<string[]>([])
  const [isMissing, setMissing] = useState(false)
  const create = useMutation({
    mutationFn: (given: { keyName: string; permissions: string[]; expiresAt: string | null }) =>
      ask<CreatedApiKey>('POST', keysPath, given),
    // The answer holds the key, which is not to stay behind in memory.
    gcTime: 0,
    onSuccess: (key) => {
      void queries.invalidateQueries({ queryKey: [keysPath] })
      onCreated(key)
    },
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        const form = event.currentTarget
        if (permissions.length === 0) return setMissing(true)
        create.mutate({
          keyName: fieldOf(form, 'keyName').trim(),
          permissions,
          expiresAt: endOf(fieldOf(form, 'lastDay')),
        })
      }}
    >
      <Stack>
        <TextInput
          data-autofocus
          name="keyName"
          label={t('access.keyName')}
          autoComplete="off"
          maxLength={200}
          required
        />
        <Checkbox.Group
          label={t('access.keyPermissions')}
          description={t('access.keyPermissionsHint')}
          value={permissions}
          onChange={(chosen) => {
            setPermissions(chosen)
            setMissing(false)
          }}
          error={isMissing && <span role="alert">{t('access.keyPermissionsMissing')}</span>}
        >
          <Stack gap="xs" my="xs">
            {Object.keys(session?.permissions ?? {}).map((permission) => (
              <Checkbox key={permission} value={permission} label={t(`access.permission.${permission}`)} />
            ))}
          </Stack>
        </Checkbox.Group>
        <TextInput
          name="lastDay"
          type="date"
          label={t('access.keyEnds')}
          description={t('access.keyEndsHint')}
          autoComplete="off"
          min={today()}
        />
        <Refused error={create.error} />
        <Button type="submit" loading={create.isPending}>
          {t('access.create')}
        </Button>
      </Stack>
    </form>
  )
}

/** When the day is over where somebody chose it; null for no day. */
function endOf(isoDate: string): string | null {
  return isoDate === '' ? null : new Date(`${isoDate}T23:59:59`).toISOString()
}

/** By the calendar of whoever looks, as a field of a date has it. */
function today(): string {
  const now = new Date()
  const two = (value: number) => String(value).padStart(2, '0')
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`
}

function RevokeKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const revoke = useMutation({
    mutationFn: () => ask<ApiKey>('DELETE', `${keysPath}/${apiKey.keyId}`),
    onSuccess: ({ keyName }) => {
      notifications.show({ message: t('access.keyRevoked', { name: keyName }), color: 'green' })
      void queries.invalidateQueries({ queryKey: [keysPath] })
      onClose()
    },
  })
  return (
    <Confirmation
      sentence={t('access.revokeSays')}
      action={t('access.revoke')}
      isDangerous
      isPending={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate()}
      onClose={onClose}
    />
  )
}

function Confirmation({
  sentence,
  action,
  isDangerous,
  isPending,
  error,
  onConfirm,
  onClose,
}: {
  sentence: ReactNode
  action: string
  isDangerous: boolean
  isPending: boolean
  error: unknown
  onConfirm: () => void
  onClose: () => void
}) {
  const { t } = useTranslation()
  return (
    <Stack>
      <Text>{sentence}</Text>
      <Refused error={error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          {t('shell.cancel')}
        </Button>
        <Button {...(isDangerous && { color: 'red' })} loading={isPending} onClick={onConfirm}>
          {action}
        </Button>
      </Group>
    </Stack>
  )
}

/** What is shown only this once. */
function Secret({
  label,
  sentence,
  value,
  onClose,
}: {
  label: string
  sentence: string
  value: string
  onClose: () => void
}) {
  const { t } = useTranslation()
  return (
    <Stack>
      <Text>{sentence}</Text>
      <TextInput
        ref={focus}
        label={label}
        value={value}
        onFocus={(event) => event.currentTarget.select()}
        autoComplete="off"
        spellCheck={false}
        readOnly
      />
      <Group justify="flex-end">
        <Copy value={value} />
        <Button onClick={onClose}>{t('shell.close')}</Button>
      </Group>
    </Stack>
  )
}
