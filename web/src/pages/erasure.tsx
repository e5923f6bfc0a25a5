import { Button, Group, Modal, Paper, Stack, Text, Textarea, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type MemberWithStandings } from '../api.ts'
import { instant } from '../format.ts'
import { Confirmation, FormEnd, fieldOf } from '../parts/forms.tsx'
import { useFund } from '../session.ts'

type Step = 'request' | 'approve' | 'withdraw'

/** Asking for a member to be forgotten, and agreeing to it. Nothing is shown for who is still in the fund. */
export function Erasure({ member }: { member: MemberWithStandings }) {
  const { t } = useTranslation()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const [step, setStep] = useState<Step>()
  const { memberCode, memberStatus, erasure } = member
  if (memberStatus !== 'Inactive' && memberStatus !== 'Deceased') return null
  return (
    <Paper withBorder p="md">
      <Title order={3} size="h4">
        {t('members.erasure')}
      </Title>
      <Text c="dimmed" size="sm" mb="xs">
        {t('members.erasureSays')}
      </Text>
      {erasure ? (
        <Stack gap="xs">
          <Text>
            {t('members.erasureAsked', {
              who: erasure.requestedBy,
              when: instant(erasure.requestedAt, timeZone),
              reason: erasure.reason,
            })}
          </Text>
          <Group>
            <Button color="red" onClick={() => setStep('approve')}>
              {t('members.erase')}
            </Button>
            <Button variant="default" onClick={() => setStep('withdraw')}>
              {t('members.withdrawErasure')}
            </Button>
          </Group>
        </Stack>
      ) : (
        <Button variant="default" onClick={() => setStep('request')}>
          {t('members.requestErasure')}
        </Button>
      )}
      <Modal
        opened={step !== undefined}
        onClose={() => setStep(undefined)}
        title={t('members.eraseMember', { code: memberCode })}
      >
        {step === 'request' && <RequestForm member={member} onDone={() => setStep(undefined)} />}
        {(step === 'approve' || step === 'withdraw') && (
          <Answer member={member} step={step} onDone={() => setStep(undefined)} />
        )}
      </Modal>
    </Paper>
  )
}

const pathOf = ({ memberId }: MemberWithStandings) => `/api/members/${memberId}`

function RequestForm({ member, onDone }: { member: MemberWithStandings; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const path = pathOf(member)
  const request = useMutation({
    mutationFn: (reason: string) => ask('POST', `${path}/erasure`, { reason }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: [path] })
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
        <Textarea name="reason" label={t('members.erasureReason')} maxLength={200} autosize required />
        <FormEnd of={request} verb={t('members.requestErasure')} onCancel={onDone} />
      </Stack>
    </form>
  )
}

function Answer({
  member,
  step,
  onDone,
}: {
  member: MemberWithStandings
  step: 'approve' | 'withdraw'
  onDone: () => void
}) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const path = pathOf(member)
  const isApproval = step === 'approve'
  const answer = useMutation({
    mutationFn: () =>
      isApproval ? ask('POST', `${path}/erasure/approval`) : ask('DELETE', `${path}/erasure`),
    onSuccess: async () => {
      await queries.invalidateQueries()
      onDone()
    },
  })
  return (
    <Confirmation
      sentence={t(isApproval ? 'members.eraseSays' : 'members.withdrawErasureSays', {
        name: member.fullName,
      })}
      action={t(isApproval ? 'members.erase' : 'members.withdrawErasure')}
      isDangerous={isApproval}
      isPending={answer.isPending}
      error={answer.error}
      onConfirm={() => answer.mutate()}
      onClose={onDone}
    />
  )
}
