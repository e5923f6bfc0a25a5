import { Button, Group, Modal, Select, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { paymentMethods } from '../../../src/payments/payment-rules.ts'
import { ask, type NewSource, type PaymentSource } from '../api.ts'
import { DataTable } from '../parts/data-table.tsx'
import { FormEnd, fieldOf } from '../parts/forms.tsx'
import { useSources } from '../parts/payment-form.tsx'
import { Loading } from '../parts/states.tsx'
import { useMay } from '../session.ts'

/** Where payments come from: a till, a bank account, a paybill. */
export function Sources() {
  const { t } = useTranslation()
  const may = useMay()
  const sources = useSources()
  const [opened, { open, close }] = useDisclosure()
  if (!may('payments.read')) return null
  return (
    <Stack component="section" aria-labelledby="sources">
      <Group justify="space-between">
        <Title order={2} size="h3" id="sources">
          {t('payments.sources')}
        </Title>
        {may('sources.change') && <Button onClick={open}>{t('payments.addSource')}</Button>}
      </Group>
      <Text c="dimmed">{t('payments.sourcesSay')}</Text>
      {sources === undefined ? (
        <Loading />
      ) : (
        <DataTable
          rows={sources}
          keyOf={({ sourceId }) => sourceId}
          columns={[
            { name: t('shell.code'), as: 'code', show: ({ sourceCode }) => sourceCode },
            { name: t('shell.name'), show: ({ sourceName }) => sourceName },
            { name: t('payments.how'), show: ({ paymentMethod }) => t(`payments.method.${paymentMethod}`) },
            { name: t('payments.moneyAccount'), as: 'code', show: ({ accountCode }) => accountCode },
          ]}
        />
      )}
      <Modal opened={opened} onClose={close} title={t('payments.addSource')}>
        <SourceForm sources={sources ?? []} onDone={close} />
      </Modal>
    </Stack>
  )
}

function SourceForm({ sources, onDone }: { sources: readonly PaymentSource[]; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [method, setMethod] = useState<string | null>('MobileMoney')
  const [accountCode, setAccountCode] = useState<string | null>(null)
  const accounts = [...new Set(sources.map((source) => source.accountCode))]
  const add = useMutation({
    mutationFn: (source: NewSource) => ask<PaymentSource>('POST', '/api/payment-sources', source),
    onSuccess: async ({ sourceCode }) => {
      notifications.show({ message: t('payments.sourceAdded', { code: sourceCode }), color: 'green' })
      await queries.invalidateQueries({ queryKey: ['/api/payment-sources'] })
      onDone()
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = event.currentTarget
    add.mutate({
      sourceCode: fieldOf(form, 'code').trim(),
      sourceName: fieldOf(form, 'name').trim(),
      method: method as NewSource['method'],
      ...(accountCode !== null && { accountCode }),
    })
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput
          data-autofocus
          name="code"
          label={t('shell.code')}
          description={t('payments.sourceCodeHint')}
          maxLength={40}
          autoComplete="off"
          spellCheck={false}
          required
        />
        <TextInput name="name" label={t('shell.name')} maxLength={200} autoComplete="off" required />
        <Select
          label={t('payments.how')}
          allowDeselect={false}
          data={paymentMethods.map((value) => ({ value, label: t(`payments.method.${value}`) }))}
          value={method}
          onChange={setMethod}
        />
        <Select
          label={t('payments.moneyAccount')}
          description={t('payments.moneyAccountHint')}
          placeholder={t('payments.ownAccount')}
          clearable
          data={accounts}
          value={accountCode}
          onChange={setAccountCode}
        />
        <FormEnd of={add} verb={t('payments.addSource')} onCancel={onDone} />
      </Stack>
    </form>
  )
}
