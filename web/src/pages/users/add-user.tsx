import { Button, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type UserWithLink } from '../../api.ts'
import { ErrorAlert, fieldOf } from '../../parts/forms.tsx'
import { usersPath } from './refresh-users.ts'
import { type UserRole, UserRoleFields } from './user-role.tsx'

export function AddUser({ onAdded }: { onAdded: (user: UserWithLink) => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [userRole, setUserRole] = useState<UserRole>({ role: 'clerk', agentId: null })
  const add = useMutation({
    mutationFn: (given: { name: string; email: string } & UserRole) =>
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
          ...userRole,
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
        <UserRoleFields value={userRole} onChange={setUserRole} />
        <ErrorAlert error={add.error} />
        <Button type="submit" loading={add.isPending}>
          {t('access.add')}
        </Button>
      </Stack>
    </form>
  )
}
