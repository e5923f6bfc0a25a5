import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Approval, type AskedStart, ask, type Started } from '../api.ts'
import { instant, money, number } from '../format.ts'
import { useFund } from '../session.ts'
import { Confirmation, FormEnd, fieldOf } from './forms.tsx'

/** The requests that wait for another person, newest first. */
export function useApprovals(): readonly Approval[] {
  const waiting = useQuery({
    queryKey: ['/api/approvals'],
    queryFn: () => ask<{ items: Approval[] }>('GET', '/api/approvals'),
  })
  return waiting.data?.items ?? []
}

/** The request of this kind about this subject that waits for another person; null while there is none. */
export function useApproval(kind: Approval['approvalKind'], subject: string): Approval | null {
  return useApprovals().find((one) => one.approvalKind === kind && one.subject === subject) ?? null
}

interface AnswerTexts {
  /** Above the question. */
  readonly title: string
  readonly approve: string
  /** The effects, shown before the approval. */
  readonly approveSays: string
}

interface Request {
  readonly requestedBy: string
  readonly requestedAt: string
  readonly reason: string
}

/** What is asked for besides the reason. */
interface Fields {
  readonly shown: ReactNode
  /** As it is sent; undefined while it is wrong. */
  readonly content: object | undefined
}

/** A step that one person requests and another approves: the buttons for both, and who requested it and why. */
export function TwoPersons({
  path,
  request = (reason) => ask('POST', path, { ...fields?.content, reason }),
  asked,
  texts,
  fields,
  content,
}: {
  /** POST requests it, DELETE withdraws it, POST on `/approval` below it approves it. */
  path: string
  /** Requests it, where that takes more than the reason. */
  request?: (reason: string) => Promise<unknown>
  fields?: Fields
  /** What whoever approves has seen. */
  content?: object
  /** The request that waits; null while there is none. */
  asked: Request | null
  texts: AnswerTexts & { readonly request: string }
}) {
  const [isRequesting, requesting] = useDisclosure()
  if (asked) return <Asked path={path} asked={asked} texts={texts} content={content} />
  return (
    <>
      <Button size="xs" variant="default" onClick={requesting.open}>
        {texts.request}
      </Button>
      <Modal opened={isRequesting} onClose={requesting.close} title={texts.title}>
        <RequestForm send={request} verb={texts.request} fields={fields} onDone={requesting.close} />
      </Modal>
    </>
  )
}

/** Who requested it and why, and the buttons to approve it and to withdraw it. */
function Asked({
  path,
  asked,
  texts,
  content,
  onApproved,
}: {
  /** DELETE withdraws it, POST on `/approval` below it approves it. */
  path: string
  asked: Request
  texts: AnswerTexts
  content?: object | undefined
  /** Gets the answer to the approval. */
  onApproved?: (answer: unknown) => void
}) {
  const { t } = useTranslation()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const [step, setStep] = useState<'approve' | 'withdraw'>()
  const close = () => setStep(undefined)
  return (
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
      <Modal opened={step !== undefined} onClose={close} title={texts.title}>
        {step && (
          <AnswerForm
            path={path}
            texts={texts}
            isApproval={step === 'approve'}
            content={content}
            onDone={close}
            onApproved={onApproved}
          />
        )}
      </Modal>
    </Stack>
  )
}

/** The start that somebody has requested and another person has to approve; nothing while there is none. */
export function StartRequest({
  claimId,
  claimCode,
  onStarted,
}: {
  claimId: string
  claimCode: string
  onStarted?: (cycle: Started['cycle']) => void
}) {
  const { t } = useTranslation()
  const fund = useFund()
  const asked = useApproval('start-cycle', claimId)
  if (!asked || !fund) return null
  const start = asked.content as AskedStart
  const amounts = {
    members: number(start.eligibleMembers),
    each: money(start.contributionAmount, fund),
    total: money(start.expectedAmount, fund),
    target: money(start.targetAmount, fund),
    days: number(start.cycleDuration),
  }
  return (
    <Stack gap="xs">
      <Text size="sm" fw={600} style={{ whiteSpace: 'normal' }}>
        {t('cycles.startAsked', amounts)}
      </Text>
      <Asked
        path={`/api/contribution-cycles/requests/${claimId}`}
        asked={asked}
        texts={{
          title: t('claims.startCycleFor', { code: claimCode }),
          approve: t('claims.approve'),
          approveSays: t('cycles.startAsked', amounts),
        }}
        onApproved={(answer) => onStarted?.((answer as Started).cycle)}
      />
    </Stack>
  )
}

function RequestForm({
  send,
  verb,
  fields,
  onDone,
}: {
  send: (reason: string) => Promise<unknown>
  verb: string
  fields?: Fields | undefined
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

function AnswerForm({
  path,
  texts,
  isApproval,
  content,
  onDone,
  onApproved,
}: {
  path: string
  texts: AnswerTexts
  isApproval: boolean
  content: object | undefined
  onDone: () => void
  onApproved: ((answer: unknown) => void) | undefined
}) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const answer = useMutation({
    mutationFn: () => (isApproval ? ask('POST', `${path}/approval`, content) : ask('DELETE', path)),
    onSuccess: async (answered) => {
      if (isApproval) onApproved?.(answered)
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
