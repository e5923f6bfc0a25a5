import { Button, Checkbox, Stack, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type ApiKey, ask } from '../../api.ts'
import { today } from '../../format.ts'
import { ErrorAlert, fieldOf } from '../../parts/forms.tsx'
import { useSession } from '../../session.ts'

export const keysPath = '/api/api-keys'

export type CreatedApiKey = ApiKey & { key: string }

export function CreateApiKey({ onCreated }: { onCreated: (key: CreatedApiKey) => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const { data: session } = useSession()
  const [permissions, setPermissions] = useState<string[]>([])
  const [isMissing, setMissing] = useState(false)
  const create = useMutation({
    mutationFn: (given: { keyName: string; permissions: string[]; expiresAt: string | null }) =>
      ask<CreatedApiKey>('POST', keysPath, given),
    // The answer holds the key, which must not stay in memory.
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
        <ErrorAlert error={create.error} />
        <Button type="submit" loading={create.isPending}>
          {t('access.create')}
        </Button>
      </Stack>
    </form>
  )
}

/** The end of the day in the user's time zone; null for no day. */
function endOf(isoDate: string): string | null {
  return isoDate === '' ? null : new Date(`${isoDate}T23:59:59`).toISOString()
}
