import { Button, Select, Stack, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Delivery } from '../api.ts'
import { instant, number } from '../format.ts'
import { DataTable } from '../parts/data-table.tsx'
import { ErrorAlert } from '../parts/forms.tsx'
import { List, useList } from '../parts/list.tsx'
import { Chip } from '../parts/status-chip.tsx'
import { useFund, useMay } from '../session.ts'

const deliveries = '/api/deliveries'

export const deliveryLooks: Record<Delivery['deliveryStatus'], { color: string; sign: string }> = {
  Pending: { color: 'yellow', sign: '…' },
  Sent: { color: 'green', sign: '✓' },
  Dead: { color: 'red', sign: '!' },
  Withdrawn: { color: 'gray', sign: '×' },
}

/** Letters, with how they fared; a Dead one can be sent again. */
export function DeliveriesPage() {
  const { t } = useTranslation()
  const may = useMay()
  const queries = useQueryClient()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const [status, setStatus] = useState<string | null>(null)
  const list = useList<Delivery>(deliveries, { status: status ?? undefined }, { refetchInterval: 5_000 })
  const resend = useMutation({
    mutationFn: ({ deliveryId }: Delivery) => ask('POST', `${deliveries}/${deliveryId}/resend`),
    onSuccess: (_, { recipientName }) => {
      void queries.invalidateQueries({ queryKey: [deliveries] })
      notifications.show({ message: t('notices.resent', { name: recipientName }), color: 'green' })
    },
  })
  return (
    <Stack>
      <Title order={2}>{t('notices.letters')}</Title>
      <Select
        label={t('shell.status')}
        placeholder={t('shell.all')}
        clearable
        maw={260}
        data={Object.keys(deliveryLooks).map((value) => ({
          value,
          label: t(`notices.status.${value as Delivery['deliveryStatus']}`),
        }))}
        value={status}
        onChange={setStatus}
      />
      <ErrorAlert error={resend.error} />
      <List of={list} empty={t('notices.noLetters')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={({ deliveryId }) => deliveryId}
            columns={[
              {
                name: t('notices.to'),
                show: ({ recipientName, address }) => (
                  <>
                    <Text size="sm">{recipientName}</Text>
                    <Text size="xs" c="dimmed">
                      {address}
                    </Text>
                  </>
                ),
              },
              {
                name: t('notices.what'),
                show: ({ noticeKind, channel }) => (
                  <>
                    <Text size="sm">{t(`notices.kind.${noticeKind}`)}</Text>
                    <Text size="xs" c="dimmed">
                      {t(`notices.channel.${channel}`)}
                    </Text>
                  </>
                ),
              },
              { name: t('notices.cycle'), as: 'code', show: ({ cycleCode }) => cycleCode },
              {
                name: t('shell.status'),
                show: ({ deliveryStatus }) => (
                  <Chip {...deliveryLooks[deliveryStatus]}>{t(`notices.status.${deliveryStatus}`)}</Chip>
                ),
              },
              { name: t('notices.attempts'), as: 'number', show: ({ attempts }) => number(attempts) },
              { name: t('shell.at'), show: ({ updatedAt }) => instant(updatedAt, timeZone) },
              {
                name: t('notices.error'),
                show: ({ error, notBefore, attempts }) => (
                  <>
                    {error}
                    {notBefore !== null && attempts > 0 && (
                      <Text size="xs" c="dimmed">
                        {t('notices.again', { at: instant(notBefore, timeZone) })}
                      </Text>
                    )}
                  </>
                ),
              },
              may('deliveries.resend') && {
                name: t('notices.action'),
                show: (delivery) =>
                  delivery.deliveryStatus === 'Dead' && (
                    <Button
                      size="xs"
                      variant="default"
                      aria-label={`${t('notices.resend')}: ${delivery.recipientName}`}
                      onClick={() => resend.mutate(delivery)}
                    >
                      {t('notices.resend')}
                    </Button>
                  ),
              },
            ]}
          />
        )}
      </List>
    </Stack>
  )
}
