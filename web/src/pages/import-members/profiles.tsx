import { Button, Group, Select, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type ImportProfile } from '../../api.ts'
import { ErrorAlert } from '../../parts/forms.tsx'
import type { Reading } from './use-reading.ts'

const path = '/api/import-profiles'

/** Files of one source are read in the same way: what was said of one can be taken for the next. */
export function ProfileChoice({
  chosen,
  disabled,
  onChoose,
}: {
  chosen: string | null
  disabled: boolean
  onChoose: (profile: ImportProfile | null) => void
}) {
  const { t } = useTranslation()
  const { data } = useQuery({
    queryKey: [path],
    queryFn: () => ask<{ items: ImportProfile[] }>('GET', path),
  })
  const profiles = data?.items ?? []
  if (profiles.length === 0) return null
  return (
    <Select
      label={t('members.profile')}
      maw={560}
      data={profiles.map(({ profileName }) => profileName)}
      value={chosen}
      clearable
      clearButtonProps={{ 'aria-label': t('members.clear') }}
      disabled={disabled}
      onChange={(name) => onChoose(profiles.find(({ profileName }) => profileName === name) ?? null)}
    />
  )
}

/** Keeps how this file is read under a name; under one that is there, in its place. */
export function SaveProfile({ reading, disabled }: { reading: Reading; disabled: boolean }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [name, setName] = useState(reading.profile ?? '')
  const save = useMutation({
    mutationFn: () =>
      ask<ImportProfile>('PUT', `${path}/${encodeURIComponent(name.trim())}`, {
        columns: reading.map,
        dateOrder: reading.dates,
      }),
    onSuccess: async ({ profileName }) => {
      await queries.invalidateQueries({ queryKey: [path] })
      notifications.show({ message: t('members.profileSaved', { name: profileName }), color: 'green' })
    },
  })
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <Group align="end">
        <TextInput
          label={t('members.profileName')}
          value={name}
          maxLength={40}
          disabled={disabled}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Button
          type="submit"
          variant="default"
          disabled={disabled || name.trim() === ''}
          loading={save.isPending}
        >
          {t('members.saveProfile')}
        </Button>
      </Group>
      <ErrorAlert error={save.error} />
    </form>
  )
}
