import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
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
  /** What follows, before somebody agrees to it. */
  readonly approveSays: string
}

/** What is asked for besides the reason. */
interface Fields {
  readonly shown: ReactNode
  /** As it is sent; undefined while it is wrong. */
  readonly content: object | undefined
}

/** What one person asks for and another approves: the buttons for both, and who has asked why. */
export function TwoPersons({
  path,
  asked,
  texts,
  fields,
  content,
}: {
  /** Is posted to, deleted, and approved below. */
  path: string
  fields?: Fields
  /** What whoever approves has seen. */
  content?: object
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
        {step === 'request' && (
          <RequestForm path={path} verb={texts.request} fields={fields} onDone={close} />
        )}
        {(step === 'approve' || step === 'withdraw') && (
          <Answer
            path={path}
            texts={texts}
            isApproval={step === 'approve'}
            content={content}
            onDone={close}
          />
        )}
      </Modal>
    </>
  )
}

function RequestForm({
  path,
  verb,
  fields,
  onDone,
}: {
  path: string
  verb: string
  fields: Fields | undefined
  onDone: () => void
}) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const request = useMutation({
    mutationFn: (reason: string) => ask('POST', path, { ...fields?.content, reason }),
    onSuccess: async () => {
      await queries.invalidateQueries()
      onDone()
    },
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (fields && fields.content === undefined) return
    request.mutate(fieldOf(event.currentTarget, 'reason').trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text>{t('shell.anotherApproves')}</Text>
        {fields?.shown}
        <Textarea name="reason" label={t('shell.why')} maxLength={200} autosize required />
        <FormEnd of={request} verb={verb} onCancel={onDone} />
      </Stack>
    </form>
  )
}

function Answer({
  path,
  texts,
  isApproval,
  content,
  onDone,
}: {
  path: string
  texts: Texts
  isApproval: boolean
  content: object | undefined
  onDone: () => void
}) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const answer = useMutation({
    mutationFn: () => (isApproval ? ask('POST', `${path}/approval`, content) : ask('DELETE', path)),
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
