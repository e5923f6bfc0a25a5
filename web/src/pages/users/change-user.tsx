import { Button, Stack, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Role } from '../../../../src/access/permission-rules.ts'
import { ask, type User } from '../../api.ts'
import { ErrorAlert, fieldOf } from '../../parts/forms.tsx'
import { useRefreshUsers, usersPath } from './refresh-users.ts'
import { type UserRole, UserRoleFields } from './user-role.tsx'

export function ChangeUser({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation()
  const refresh = useRefreshUsers()
  const [userRole, setUserRole] = useState<UserRole>({ role: user.role, agentId: user.agentId })
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
          ...(userRole.role !== user.role && { role: userRole.role }),
          ...(userRole.agentId !== user.agentId && { agentId: userRole.agentId }),
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
        <UserRoleFields value={userRole} onChange={setUserRole} />
        <Text size="sm" c="dimmed">
          {t('access.changeSays')}
        </Text>
        <ErrorAlert error={change.error} />
        <Button type="submit" loading={change.isPending}>
          {t('shell.save')}
        </Button>
      </Stack>
    </form>
  )
}
