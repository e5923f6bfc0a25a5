import { Badge, Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Permission } from '../../../../src/access/permission-rules.ts'
import { type ApiKey, ask } from '../../api.ts'
import { instant, number } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { Confirmation, Secret } from '../../parts/forms.tsx'
import { List, useList } from '../../parts/list.tsx'
import { useFund, useMay } from '../../session.ts'
import { CreateApiKey, type CreatedApiKey, keysPath } from './create-api-key.tsx'

/** What is open over the list of keys. */
type KeyAct = { kind: 'create' } | { kind: 'revoke'; key: ApiKey } | { kind: 'created'; key: CreatedApiKey }

export function ApiKeys() {
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
          <ApiKeysTable
            keys={keys}
            {...(canChange && { onRevoke: (key) => begin({ kind: 'revoke', key }) })}
          />
        )}
      </List>
      <Modal
        opened={opened}
        onClose={close}
        // The key is kept only while it is shown.
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
        {act.kind === 'create' && <CreateApiKey onCreated={(key) => setAct({ kind: 'created', key })} />}
        {act.kind === 'revoke' && <RevokeApiKey apiKey={act.key} onClose={close} />}
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

function ApiKeysTable({ keys, onRevoke }: { keys: ApiKey[]; onRevoke?: (key: ApiKey) => void }) {
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

/** One permission is named; several are counted, and listed on demand. */
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

function RevokeApiKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
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
