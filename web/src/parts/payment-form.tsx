import { Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Fund, type NewPayment, type PaymentDetail, type PaymentSource } from '../api.ts'
import { minorUnits, money, today, typed } from '../format.ts'
import { useMay } from '../session.ts'
import { FormEnd } from './forms.tsx'
import { useTellOfPayment } from './payment-notice.tsx'
import { keepReference, referenceFor, releaseReference } from './payment-reference.ts'

/** Whose money it is and what it is for, as the server is told. */
type Purpose = Pick<NewPayment, 'memberId' | 'cycleId' | 'lines' | 'payerText'>

const lastSource = 'almoner.source'

export function useSources() {
  const may = useMay()
  return useQuery({
    queryKey: ['/api/payment-sources'],
    enabled: may('payments.read'),
    staleTime: 60_000,
    queryFn: () => ask<{ items: PaymentSource[] }>('GET', '/api/payment-sources'),
  }).data?.items
}

/** `M-Pesa (PAYBILL)`: each source, to choose from. */
export function sourceChoices(sources: readonly PaymentSource[]) {
  return sources.map(({ sourceCode, sourceName }) => ({
    value: sourceCode,
    label: sourceName === sourceCode ? sourceCode : `${sourceName} (${sourceCode})`,
  }))
}

/** The source that was chosen last on this machine, or else the till. */
export function usualSource(sources: readonly PaymentSource[]): string | null {
  const codes = sources.map(({ sourceCode }) => sourceCode)
  const remembered = localStorage.getItem(lastSource)
  return [remembered, 'TILL'].find((code) => code !== null && codes.includes(code)) ?? codes[0] ?? null
}

/** What is asked is mostly what is paid: it is looked at, or typed over. */
function focusAndSelect(field: HTMLInputElement | null): void {
  field?.focus()
  field?.select()
}

/**
 * Records money that has come in. It makes a number for the payment where none is given, and keeps it until the server has answered.
 *
 * @param id whom and what it is for: of the same the number is the same until it is answered
 * @param owed what is asked, in minor units
 * @param purposeOf what it is for, once somebody has typed the amount; a sentence while it is not known
 * @param payer by what the notice names the payer
 * @param children stands under the fields, such as what the amount would pay
 */
export function PaymentForm({
  id,
  fund,
  owed,
  purposeOf,
  payer,
  children,
  onDone,
  onCancel,
}: {
  id: string
  fund: Fund
  owed?: number
  purposeOf: (amount: number) => Purpose | string
  payer: string
  children?: (amount: number | undefined) => ReactNode
  onDone: () => void
  onCancel: () => void
}) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const tell = useTellOfPayment()
  const sources = useSources() ?? []
  const [made] = useState(() => referenceFor(id))
  const [amountText, setAmountText] = useState(owed === undefined ? '' : typed(owed, fund))
  const [chosen, setChosen] = useState<string | null>(null)
  const [receivedOn, setReceivedOn] = useState(today(fund.timeZone))
  const [reference, setReference] = useState('')
  const [problem, setProblem] = useState<string>()
  const amount = minorUnits(amountText, fund)
  const sourceCode = chosen ?? usualSource(sources)

  const record = useMutation({
    mutationFn: (payment: NewPayment) => {
      keepReference(id, made)
      return ask<PaymentDetail>('POST', '/api/payments', payment)
    },
    onSettled: (_payment, error) => releaseReference(id, error),
    onSuccess: async (payment) => {
      localStorage.setItem(lastSource, payment.sourceCode)
      tell(payment, payer)
      // What is still owed is shown before it can be marked as paid once more.
      await queries.invalidateQueries()
      onDone()
    },
  })

  const submit = () => {
    if (amount === undefined || sourceCode === null) return
    const purpose = purposeOf(amount)
    if (typeof purpose === 'string') return setProblem(purpose)
    setProblem(undefined)
    record.mutate({ ...purpose, amount, sourceCode, receivedOn, reference: reference.trim() || made })
  }

  return (
    <form
      aria-label={t('payments.record')}
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <Stack gap="sm">
        <Group align="flex-start" gap="sm" className="payment-fields">
          <TextInput
            data-autofocus
            ref={owed === undefined ? null : focusAndSelect}
            label={t('payments.amountIn', { currency: fund.currency })}
            required
            inputMode="decimal"
            autoComplete="off"
            value={amountText}
            error={
              amountText !== '' &&
              amount === undefined &&
              t('payments.amountWrong', { currency: fund.currency })
            }
            onChange={(event) => setAmountText(event.currentTarget.value)}
          />
          <Select
            label={t('payments.source')}
            required
            allowDeselect={false}
            data={sourceChoices(sources)}
            value={sourceCode}
            onChange={setChosen}
          />
          <TextInput
            label={t('payments.receivedOn')}
            type="date"
            required
            max={today(fund.timeZone)}
            value={receivedOn}
            onChange={(event) => setReceivedOn(event.currentTarget.value)}
          />
          <TextInput
            label={t('payments.referenceOfSource')}
            placeholder={t('payments.mayBeEmpty')}
            autoComplete="off"
            spellCheck={false}
            maxLength={100}
            value={reference}
            onChange={(event) => setReference(event.currentTarget.value)}
          />
        </Group>
        {children?.(amount)}
        {problem !== undefined && (
          <Text c="red" size="sm" role="alert">
            {problem}
          </Text>
        )}
        <FormEnd
          of={record}
          verb={
            amount === undefined
              ? t('payments.record')
              : t('payments.recordAmount', { amount: money(amount, fund) })
          }
          onCancel={onCancel}
        />
      </Stack>
    </form>
  )
}
