import { Alert, Stack, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Claim } from '../../api.ts'
import { date, money } from '../../format.ts'
import { FormEnd } from '../../parts/forms.tsx'
import { useFund } from '../../session.ts'

const claims = '/api/claims'
const cycles = '/api/contribution-cycles'

export interface Decision {
  readonly verb: 'approve' | 'reject'
  readonly claim: Claim
}

export function DecideClaim({
  decision: { verb, claim },
  onDone,
}: {
  decision: Decision
  onDone: () => void
}) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const fund = useFund()
  const [reason, setReason] = useState('')
  const isApproval = verb === 'approve'
  const doubts = isApproval
    ? [
        claim.inStanding === false &&
          t('claims.notInStanding', { member: claim.deceasedMemberCode, date: date(claim.dateOfDeath) }),
        claim.registerDiffers.length > 0 &&
          t('claims.registerDiffers', {
            what: claim.registerDiffers.map((field) => t(`claims.differing.${field}`)).join(', '),
          }),
      ].filter((doubt) => doubt !== false)
    : []
  const isReasonAsked = !isApproval || doubts.length > 0
  const decide = useMutation({
    mutationFn: () =>
      ask<Claim>(
        'POST',
        `${claims}/${claim.claimId}/${verb}`,
        isReasonAsked ? { reason: reason.trim() } : undefined,
      ),
    onSuccess: () => {
      const member = `/api/members/${claim.deceasedMemberId}`
      // An approval changes the member, and waives contributions.
      for (const path of isApproval ? [claims, '/api/members', member, cycles] : [claims]) {
        void queries.invalidateQueries({ queryKey: [path] })
      }
      notifications.show({
        message: t(isApproval ? 'claims.approved' : 'claims.rejected', { code: claim.claimCode }),
        color: 'green',
      })
      onDone()
    },
    // Another user may have decided meanwhile.
    onError: () => void queries.invalidateQueries({ queryKey: [claims] }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    decide.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text>
          {isApproval
            ? t('claims.approveSays', {
                name: claim.deceasedFullName,
                member: claim.deceasedMemberCode,
                benefit: fund ? money(claim.benefitAmount, fund) : '',
              })
            : t('claims.rejectSays')}
        </Text>
        {doubts.map((doubt) => (
          <Alert key={doubt} color="red">
            {doubt}
          </Alert>
        ))}
        {isReasonAsked && (
          <TextInput
            label={t('claims.reason')}
            required
            data-autofocus
            maxLength={200}
            autoComplete="off"
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        )}
        <FormEnd of={decide} verb={t(`claims.${verb}`)} isDangerous={!isApproval} onCancel={onDone} />
      </Stack>
    </form>
  )
}
