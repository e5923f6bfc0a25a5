import { Button, Modal, Stack, Text, Textarea } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Contribution, type Cycle } from '../api.ts'
import { useMay } from '../session.ts'
import { FormEnd, fieldOf } from './forms.tsx'

interface Waivable extends Pick<Contribution, 'memberId' | 'contributionStatus' | 'waivedBy'> {
  readonly cycleId: string
  /** Of the contribution, as it is quoted. */
  readonly contributionId: string
}

/** Lets a member off what is still owed, or asks again for what somebody has waived. Nothing is shown where neither can be done. */
export function WaiverButton({ contribution }: { contribution: Waivable }) {
  const { t } = useTranslation()
  const may = useMay()
  const [opened, { open, close }] = useDisclosure()
  const { contributionStatus, waivedBy, contributionId } = contribution
  const isOwed = contributionStatus === 'Pending' || contributionStatus === 'Failed'
  // What is waived because of a death is not asked again.
  if (!may('contributions.waive') || !(isOwed || waivedBy !== null)) return null
  const verb = isOwed ? t('payments.waive') : t('payments.undoWaiver')
  return (
    <>
      <Button
        size="xs"
        variant="subtle"
        aria-label={t('payments.verbOf', { verb, of: contributionId })}
        onClick={open}
      >
        {verb}
      </Button>
      <Modal opened={opened} onClose={close} title={t('payments.verbOf', { verb, of: contributionId })}>
        <WaiverForm contribution={contribution} isWaiver={isOwed} verb={verb} onDone={close} />
      </Modal>
    </>
  )
}

function WaiverForm({
  contribution: { cycleId, memberId, contributionId },
  isWaiver,
  verb,
  onDone,
}: {
  contribution: Waivable
  isWaiver: boolean
  verb: string
  onDone: () => void
}) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const path = `/api/contribution-cycles/${cycleId}/waive${isWaiver ? '' : '/undo'}`
  const decide = useMutation({
    mutationFn: (reason: string) => ask<Cycle>('POST', path, { memberId, reason }),
    onSuccess: async () => {
      const message = t(isWaiver ? 'payments.waived' : 'payments.waiverUndone', { of: contributionId })
      notifications.show({ message, color: 'green' })
      await queries.invalidateQueries()
      onDone()
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    decide.mutate(fieldOf(event.currentTarget, 'reason').trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text>{t(isWaiver ? 'payments.waiveSays' : 'payments.undoWaiverSays')}</Text>
        <Textarea
          data-autofocus
          name="reason"
          label={t('payments.reason')}
          maxLength={200}
          autosize
          required
        />
        <FormEnd of={decide} verb={verb} onCancel={onDone} />
      </Stack>
    </form>
  )
}
