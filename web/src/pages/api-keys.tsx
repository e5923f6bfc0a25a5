import { Badge, Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Permission } from '../../../src/access/permission-rules.ts'
import { type ApiKey, ask } from '../api.ts'
import { instant, number, today } from '../format.ts'
import { DataTable } from '../parts/data-table.tsx'
import { Confirmation, fieldOf, Refused, Secret } from '../parts/forms.tsx'
import { List, useList } from '../parts/list.tsx'
import { useFund, useMay, useSession } from '../session.ts'

const keysPath = '/api/api-keys'

type CreatedApiKey = ApiKey & { key: string }

/** What is open over the list of keys. */
type KeyAct = { kind: 'create' } | { kind: 'revoke'; key: ApiKey } | { kind: 'created'; key: CreatedApiKey }

export function Keys() {
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
  const timeZone = fund?.timeZone ?? 'UTC'
  return (
    <DataTable
      rows={keys}
      keyOf={(key) => key.keyId}
      columns={[
        { name: t('shell.name'), show: (key) => key.keyName },
        { name: t('access.keyStart'), as: 'code', show: (key) => <>{key.keyStart}…</> },
        { name: t('access.owner'), show: (key) => key.email },
        { name: t('access.permissions'), show: (key) => <Permissions of={key.permissions} /> },
        { name: t('access.created'), show: (key) => instant(key.createdAt, timeZone) },
        {
          name: t('access.expires'),
          show: (key) => (
            <>
              {key.expiresAt === null ? t('access.never') : instant(key.expiresAt, timeZone)}
              {isOver(key) && (
                <Badge ml="xs" color="gray">
                  {t('access.expired')}
                </Badge>
              )}
            </>
          ),
        },
        {
          name: t('access.lastUsed'),
          show: (key) => (key.lastUsedAt === null ? t('access.notUsed') : instant(key.lastUsedAt, timeZone)),
        },
        {
          name: t('access.revoked'),
          show: (key) =>
            key.revokedAt !== null ? (
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
            ),
        },
      ]}
    />
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
