import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask } from '../api.ts'
import { instant } from '../format.ts'
import { useFund } from '../session.ts'
import { Confirmation, FormEnd, fieldOf } from './forms.tsx'

type Step = 'request' | 'approve' | 'withdraw'

interface Texts {
  /** Above the form. */
  readonly title: string
  readonly request: string
  readonly approve: string
  /** The effects, shown before the approval. */
  readonly approveSays: string
}

/** A step that one person requests and another approves: the buttons for both, and who requested it and why. */
export function TwoPersons({
  path,
  request = (reason) => ask('POST', path, { reason }),
  asked,
  texts,
}: {
  /** POST requests it, DELETE withdraws it, POST on `/approval` below it approves it. */
  path: string
  /** Asks for it, where that takes more than the reason. */
  request?: (reason: string) => Promise<unknown>
  /** The request that waits; null while there is none. */
  asked: { requestedBy: string; requestedAt: string; reason: string } | null
  texts: Texts
}) {
  const { t } = useTranslation()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const [step, setStep] = useState<Step>()
  const close = () => setStep(undefined)
  return (
    <>
      {asked ? (
        <Stack gap="xs">
          <Text size="sm" style={{ whiteSpace: 'normal' }}>
            {t('shell.askedFor', {
              who: asked.requestedBy,
              when: instant(asked.requestedAt, timeZone),
              reason: asked.reason,
            })}
          </Text>
          <Group gap="xs">
            <Button size="xs" color="red" onClick={() => setStep('approve')}>
              {texts.approve}
            </Button>
            <Button size="xs" variant="default" onClick={() => setStep('withdraw')}>
              {t('shell.withdraw')}
            </Button>
          </Group>
        </Stack>
      ) : (
        <Button size="xs" variant="default" onClick={() => setStep('request')}>
          {texts.request}
        </Button>
      )}
      <Modal opened={step !== undefined} onClose={close} title={texts.title}>
        {step === 'request' && <RequestForm send={request} verb={texts.request} onDone={close} />}
        {(step === 'approve' || step === 'withdraw') && (
          <AnswerForm path={path} texts={texts} isApproval={step === 'approve'} onDone={close} />
        )}
      </Modal>
    </>
  )
}

function RequestForm({
  send,
  verb,
  onDone,
}: {
  send: (reason: string) => Promise<unknown>
  verb: string
  onDone: () => void
}) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const request = useMutation({
    mutationFn: send,
    onSuccess: async () => {
      await queries.invalidateQueries()
      onDone()
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    request.mutate(fieldOf(event.currentTarget, 'reason').trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text>{t('shell.anotherApproves')}</Text>
        <Textarea name="reason" label={t('shell.why')} maxLength={200} autosize required />
        <FormEnd of={request} verb={verb} onCancel={onDone} />
      </Stack>
    </form>
  )
}

function AnswerForm({
  path,
  texts,
  isApproval,
  onDone,
}: {
  path: string
  texts: Texts
  isApproval: boolean
  onDone: () => void
}) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const answer = useMutation({
    mutationFn: () => (isApproval ? ask('POST', `${path}/approval`) : ask('DELETE', path)),
    onSuccess: async () => {
      await queries.invalidateQueries()
      onDone()
    },
  })
  return (
    <Confirmation
      sentence={isApproval ? texts.approveSays : t('shell.withdrawSays')}
      action={isApproval ? texts.approve : t('shell.withdraw')}
      isDangerous={isApproval}
      isPending={answer.isPending}
      error={answer.error}
      onConfirm={() => answer.mutate()}
      onClose={onDone}
    />
  )
}
