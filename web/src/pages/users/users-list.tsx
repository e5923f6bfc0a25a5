import { ActionIcon, Badge, Button, Group, Menu, Modal, Stack } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import type { TFunction } from 'i18next'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { User, UserWithLink } from '../../api.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { Secret } from '../../parts/forms.tsx'
import { List, useList } from '../../parts/list.tsx'
import { useMay } from '../../session.ts'
import { AddUser } from './add-user.tsx'
import { ChangeUser } from './change-user.tsx'
import { NewRole } from './new-role.tsx'
import { useRefreshUsers, usersPath } from './refresh-users.ts'
import { ResetUser } from './reset-user.tsx'
import { SwitchUser } from './switch-user.tsx'

/** What is open over the list of users. */
type UserAct =
  | { kind: 'add' }
  | { kind: 'change' | 'disable' | 'enable' | 'reset'; user: User }
  | { kind: 'link'; user: User; link: string }

export function UsersList() {
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
    // After a reset of one's own account the session is over, but the link must be read first.
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
