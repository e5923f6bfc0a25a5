import { Stack, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Claim, type Member, type NewClaim } from '../../api.ts'
import { minorUnits, typed } from '../../format.ts'
import { useTiers } from '../../parts/choices.ts'
import { FormEnd } from '../../parts/forms.tsx'
import { MemberSelect } from '../../parts/member-select.tsx'
import { useFund } from '../../session.ts'

const claims = '/api/claims'

export function ReportDeath({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const fund = useFund()
  const tiers = useTiers()
  const [deceased, setDeceased] = useState<Member | null>(null)
  const [dateOfDeath, setDateOfDeath] = useState('')
  const [placeOfDeath, setPlaceOfDeath] = useState('')
  /** Null until an amount is typed. */
  const [typedAmount, setTypedAmount] = useState<string | null>(null)
  const [isTried, setIsTried] = useState(false)
  const usual = tiers.data?.find(({ tierId }) => tierId === deceased?.tierId)?.benefitAmount
  const amount = typedAmount ?? (usual && fund ? typed(usual, fund) : '')
  const minor = fund && minorUnits(amount, fund)
  const isAmountWrong = amount !== '' && fund !== undefined && minor === undefined
  const send = useMutation({
    mutationFn: (claim: NewClaim) => ask<Claim>('POST', claims, claim),
    onSuccess: ({ claimCode }) => {
      void queries.invalidateQueries({ queryKey: [claims] })
      notifications.show({ message: t('claims.submitted', { code: claimCode }), color: 'green' })
      onDone()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setIsTried(true)
    if (!deceased || minor === undefined) return
    const place = placeOfDeath.trim() || null
    send.mutate({
      deceasedMemberId: deceased.memberId,
      dateOfDeath,
      placeOfDeath: place,
      benefitAmount: minor,
    })
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <MemberSelect
          label={t('claims.deceased')}
          member={deceased}
          onChoose={setDeceased}
          error={isTried && !deceased && t('claims.deceasedMissing')}
        />
        <TextInput
          label={t('claims.dateOfDeath')}
          type="date"
          required
          value={dateOfDeath}
          onChange={(event) => setDateOfDeath(event.currentTarget.value)}
        />
        <TextInput
          label={t('claims.placeOfDeath')}
          description={t('claims.placeHint')}
          maxLength={200}
          autoComplete="off"
          value={placeOfDeath}
          onChange={(event) => setPlaceOfDeath(event.currentTarget.value)}
        />
        <TextInput
          label={t('claims.benefitIn', { currency: fund?.currency ?? '' })}
          description={t('claims.benefitHint')}
          required
          inputMode="decimal"
          autoComplete="off"
          value={amount}
          onChange={(event) => setTypedAmount(event.currentTarget.value)}
          error={isAmountWrong && t('claims.amountWrong', { currency: fund.currency })}
        />
        <FormEnd of={send} verb={t('claims.submit')} onCancel={onDone} />
      </Stack>
    </form>
  )
}
