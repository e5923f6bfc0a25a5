import { Button, Group, Stack, Text } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type PaymentDetail } from '../api.ts'
import { money } from '../format.ts'
import { useFund, useMay } from '../session.ts'
import { useSentence } from './states.tsx'

/** Shorter than the server lets it be undone without a reason. */
const undoMs = 10_000

/** Tells of a payment that was just recorded: for ten seconds with a way to undo it, and of one like it until somebody has seen that. */
export function useTellOfPayment(): (payment: PaymentDetail, payer: string) => void {
  const { t } = useTranslation()
  const may = useMay()
  const fund = useFund()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const sentence = useSentence()
  return ({ paymentId, amount, alike }, payer) => {
    const id = `payment-${paymentId}`
    const look = (other: number) =>
      void navigate({ to: '/payments/$paymentId', params: { paymentId: String(other) } })
    const undo = async () => {
      try {
        await ask('POST', `/api/payments/${paymentId}/reverse`, {})
        notifications.update({ id, color: 'blue', message: t('payments.undone'), autoClose: undoMs })
      } catch (error) {
        notifications.update({ id, color: 'red', message: sentence(error), autoClose: undoMs })
      }
      notifications.hide(`${id}-alike`)
      await queries.invalidateQueries()
    }
    const amountShown = fund ? money(amount, fund) : String(amount)
    notifications.show({
      id,
      color: 'green',
      autoClose: undoMs,
      message: (
        <RecordedNotice
          sentence={t('payments.recorded', { amount: amountShown, payer })}
          onUndo={may('payments.reverse') ? undo : undefined}
          onLook={() => look(paymentId)}
        />
      ),
    })
    const [other] = alike
    if (other === undefined) return
    notifications.show({
      id: `${id}-alike`,
      color: 'orange',
      autoClose: false,
      message: (
        <Stack gap="xs" align="flex-start">
          <Text inherit>{t('payments.alike', { payments: alike.join(', ') })}</Text>
          <Button size="xs" variant="default" onClick={() => look(other)}>
            {t('payments.lookAt', { payment: other })}
          </Button>
        </Stack>
      ),
    })
  }
}

function RecordedNotice({
  sentence,
  onUndo,
  onLook,
}: {
  sentence: string
  onUndo: (() => Promise<void>) | undefined
  onLook: () => void
}) {
  const { t } = useTranslation()
  const [isUndoing, setUndoing] = useState(false)
  const undo = () => {
    if (isUndoing || !onUndo) return
    setUndoing(true)
    void onUndo()
  }
  // The notice stands at the end of the page, which is a long way by the keyboard.
  useHotkeys([['mod+Z', undo]])
  return (
    <Stack gap="xs">
      <Text inherit>{sentence}</Text>
      <Group gap="xs">
        {onUndo && (
          <Button size="xs" loading={isUndoing} onClick={undo} aria-keyshortcuts="Control+Z" title="Ctrl+Z">
            {t('payments.undo')}
          </Button>
        )}
        <Button size="xs" variant="default" onClick={onLook}>
          {t('payments.look')}
        </Button>
      </Group>
    </Stack>
  )
}
