import { Button, Group, Modal, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Endpoint, type EndpointWithSecret } from '../api.ts'
import { instant } from '../format.ts'
import { DataTable } from '../parts/data-table.tsx'
import { Confirmation, FormEnd, fieldOf, Secret } from '../parts/forms.tsx'
import { List, useList } from '../parts/list.tsx'
import { Chip } from '../parts/status-chip.tsx'
import { useFund, useMay } from '../session.ts'

const webhooks = '/api/webhooks'

/** What is open over the list. */
type Act =
  | { kind: 'add' }
  | { kind: 'rotate' | 'switch'; endpoint: Endpoint }
  | { kind: 'secret'; endpoint: EndpointWithSecret }

/** Programs that get the events of cycles. */
export function WebhooksPage() {
  const { t } = useTranslation()
  const may = useMay()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const list = useList<Endpoint>(webhooks)
  const [opened, { open, close }] = useDisclosure()
  const [act, setAct] = useState<Act>({ kind: 'add' })
  const begin = (next: Act) => {
    setAct(next)
    open()
  }
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{t('notices.webhooks')}</Title>
        {may('webhooks.change') && (
          <Button onClick={() => begin({ kind: 'add' })}>{t('notices.addWebhook')}</Button>
        )}
      </Group>
      <Text c="dimmed">{t('notices.webhooksSay')}</Text>
      <List of={list} empty={t('notices.noWebhooks')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={({ endpointId }) => endpointId}
            columns={[
              { name: t('notices.address'), show: ({ url }) => url },
              {
                name: t('shell.status'),
                show: ({ disabledAt }) =>
                  disabledAt === null ? (
                    <Chip color="green" sign="✓">
                      {t('notices.on')}
                    </Chip>
                  ) : (
                    <Chip color="gray" sign="×">
                      {t('notices.off')}
                    </Chip>
                  ),
              },
              { name: t('notices.since'), show: ({ createdAt }) => instant(createdAt, timeZone) },
              { name: t('notices.error'), show: ({ disabledReason }) => disabledReason },
              may('webhooks.change') && {
                name: t('notices.action'),
                show: (endpoint) => (
                  <Group gap="xs">
                    <Button
                      size="xs"
                      variant="default"
                      aria-label={`${t(switchName(endpoint))}: ${endpoint.url}`}
                      onClick={() => begin({ kind: 'switch', endpoint })}
                    >
                      {t(switchName(endpoint))}
                    </Button>
                    <Button
                      size="xs"
                      variant="default"
                      aria-label={`${t('notices.rotate')}: ${endpoint.url}`}
                      onClick={() => begin({ kind: 'rotate', endpoint })}
                    >
                      {t('notices.rotate')}
                    </Button>
                  </Group>
                ),
              },
            ]}
          />
        )}
      </List>
      <Modal
        opened={opened}
        onClose={close}
        // The secret is kept only while it is shown.
        onExitTransitionEnd={() => setAct({ kind: 'add' })}
        title={t(act.kind === 'add' ? 'notices.addWebhook' : 'notices.webhook')}
        closeOnClickOutside={act.kind !== 'secret'}
        closeOnEscape={act.kind !== 'secret'}
      >
        {act.kind === 'add' && (
          <AddWebhook onAdded={(endpoint) => setAct({ kind: 'secret', endpoint })} onClose={close} />
        )}
        {act.kind === 'rotate' && (
          <RotateSecret
            endpoint={act.endpoint}
            onRotated={(endpoint) => setAct({ kind: 'secret', endpoint })}
            onClose={close}
          />
        )}
        {act.kind === 'switch' && <SwitchWebhook endpoint={act.endpoint} onClose={close} />}
        {act.kind === 'secret' && (
          <Secret
            label={t('notices.secret')}
            sentence={t('notices.secretSays')}
            value={act.endpoint.secret}
            onClose={close}
          />
        )}
      </Modal>
    </Stack>
  )
}

function switchName({ disabledAt }: Endpoint) {
  return disabledAt === null ? 'notices.switchOff' : 'notices.switchOn'
}

function useRefreshWebhooks(): () => void {
  const queries = useQueryClient()
  return () => void queries.invalidateQueries({ queryKey: [webhooks] })
}

function AddWebhook({
  onAdded,
  onClose,
}: {
  onAdded: (endpoint: EndpointWithSecret) => void
  onClose: () => void
}) {
  const { t } = useTranslation()
  const refresh = useRefreshWebhooks()
  const add = useMutation({
    mutationFn: (url: string) => ask<EndpointWithSecret>('POST', webhooks, { url }),
    onSuccess: (endpoint) => {
      refresh()
      onAdded(endpoint)
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    add.mutate(fieldOf(event.currentTarget, 'url').trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          name="url"
          type="url"
          label={t('notices.address')}
          placeholder="https://example.org/hook"
          required
          data-autofocus
          autoComplete="off"
        />
        <FormEnd of={add} verb={t('notices.addWebhook')} onCancel={onClose} />
      </Stack>
    </form>
  )
}

function RotateSecret({
  endpoint,
  onRotated,
  onClose,
}: {
  endpoint: Endpoint
  onRotated: (endpoint: EndpointWithSecret) => void
  onClose: () => void
}) {
  const { t } = useTranslation()
  const rotate = useMutation({
    mutationFn: () => ask<EndpointWithSecret>('POST', `${webhooks}/${endpoint.endpointId}/rotate-secret`),
    onSuccess: onRotated,
  })
  return (
    <Confirmation
      sentence={t('notices.rotateSays', { url: endpoint.url })}
      action={t('notices.rotate')}
      isDangerous={false}
      isPending={rotate.isPending}
      error={rotate.error}
      onConfirm={() => rotate.mutate()}
      onClose={onClose}
    />
  )
}

function SwitchWebhook({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const { t } = useTranslation()
  const refresh = useRefreshWebhooks()
  const isOff = endpoint.disabledAt !== null
  const change = useMutation({
    mutationFn: () => ask('PATCH', `${webhooks}/${endpoint.endpointId}`, { enabled: isOff }),
    onSuccess: () => {
      refresh()
      onClose()
    },
  })
  return (
    <Confirmation
      sentence={t(isOff ? 'notices.switchOnSays' : 'notices.switchOffSays', { url: endpoint.url })}
      action={t(switchName(endpoint))}
      isDangerous={!isOff}
      isPending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate()}
      onClose={onClose}
    />
  )
}
