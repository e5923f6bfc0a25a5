import { Alert, Select, Stack, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { memberMoves, memberStatuses } from '../../../../src/members/member-rules.ts'
import { ask, type Member, type Tier } from '../../api.ts'
import { today } from '../../format.ts'
import { useAgents, useTiers } from '../../parts/choices.ts'
import { ErrorAlert, FormEnd } from '../../parts/forms.tsx'
import { useFund } from '../../session.ts'

const members = '/api/members'

type MemberStatus = Member['memberStatus']

export const tierChoice = ({ tierId, tierCode, tierName }: Tier) => ({
  value: tierId,
  label: tierCode === tierName ? tierCode : `${tierCode} · ${tierName}`,
})

type Draft = Pick<
  Member,
  'memberCode' | 'fullName' | 'tierId' | 'agentId' | 'memberStatus' | 'joinedOn' | 'email' | 'phone'
>

/** What a change asks for: a change that changes nothing is refused. */
function changesOf(member: Member, draft: Draft): Partial<Draft> {
  const names = ['fullName', 'tierId', 'agentId', 'memberStatus', 'email', 'phone'] as const
  return Object.fromEntries(
    names.filter((name) => draft[name] !== member[name]).map((name) => [name, draft[name]]),
  )
}

/** Adds a member, or changes the one that is given. */
export function MemberForm({ member, onDone }: { member?: Member; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const fund = useFund()
  const tiers = useTiers()
  const agents = useAgents()
  const [fullName, setFullName] = useState(member?.fullName ?? '')
  const [memberCode, setMemberCode] = useState(member?.memberCode ?? '')
  const [status, setStatus] = useState<MemberStatus>(member?.memberStatus ?? 'Active')
  const [tierId, setTierId] = useState(member?.tierId ?? null)
  const [agentId, setAgentId] = useState(member?.agentId ?? null)
  const [joinedOn, setJoinedOn] = useState(member?.joinedOn ?? today(fund?.timeZone))
  const [email, setEmail] = useState(member?.email ?? '')
  const [phone, setPhone] = useState(member?.phone ?? '')
  const [isTierMissing, setIsTierMissing] = useState(false)
  const isDeceased = member?.memberStatus === 'Deceased'

  const save = useMutation({
    mutationFn: async (draft: Draft): Promise<void> => {
      if (!member) await ask<Member>('POST', members, draft)
      else {
        const changes = changesOf(member, draft)
        if (Object.keys(changes).length > 0)
          await ask<Member>('PATCH', `${members}/${member.memberId}`, changes)
      }
    },
    onSuccess: async (_, draft) => {
      void queries.invalidateQueries({ queryKey: [members] })
      if (member) await queries.invalidateQueries({ queryKey: [`${members}/${member.memberId}`] })
      notifications.show({
        message: member ? t('shell.saved') : t('members.added', { code: draft.memberCode }),
        color: 'green',
      })
      onDone()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (tierId === null) {
      setIsTierMissing(true)
      return
    }
    save.mutate({
      memberCode: memberCode.trim(),
      fullName: fullName.trim(),
      tierId,
      agentId,
      memberStatus: status,
      joinedOn,
      email: email.trim() || null,
      phone: phone.trim() || null,
    })
  }

  // The member's own tier and agent can be shown before the lists are loaded, and if that fails.
  const tierChoices = tiers.data?.filter(({ retiredAt }) => retiredAt === null).map(tierChoice) ?? []
  if (member && !tierChoices.some(({ value }) => value === member.tierId)) {
    tierChoices.push({ value: member.tierId, label: member.tierCode })
  }
  const agentChoices =
    agents.data
      ?.filter(({ retiredAt }) => retiredAt === null)
      .map((agent) => ({
        value: agent.agentId,
        label: `${agent.agentCode} · ${agent.fullName}`,
      })) ?? []
  if (member?.agentId && !agentChoices.some(({ value }) => value === member.agentId)) {
    agentChoices.push({ value: member.agentId, label: member.agentCode ?? '' })
  }
  // Only a claim makes a member Deceased.
  const statuses = member
    ? [member.memberStatus, ...memberMoves[member.memberStatus].filter((one) => one !== 'Deceased')]
    : memberStatuses
  const listsError = tiers.error ?? agents.error
  return (
    <form onSubmit={submit}>
      <Stack>
        <ErrorAlert error={listsError} />
        {isDeceased && <Alert color="gray">{t('members.isDeceased')}</Alert>}
        {!member && (
          <TextInput
            label={t('shell.code')}
            required
            data-autofocus
            maxLength={40}
            autoComplete="off"
            spellCheck={false}
            value={memberCode}
            onChange={(event) => setMemberCode(event.currentTarget.value)}
          />
        )}
        <TextInput
          label={t('shell.name')}
          required
          maxLength={200}
          autoComplete="off"
          value={fullName}
          onChange={(event) => setFullName(event.currentTarget.value)}
        />
        {member && (
          <Select
            label={t('shell.status')}
            description={!isDeceased && t('members.deceasedHint')}
            data={statuses.map((one) => ({ value: one, label: t(`members.status.${one}`) }))}
            value={status}
            onChange={(value) => setStatus((value as MemberStatus | null) ?? member.memberStatus)}
            allowDeselect={false}
            disabled={isDeceased}
          />
        )}
        <Select
          label={t('members.tier')}
          required
          searchable
          allowDeselect={false}
          nothingFoundMessage={t('members.nothingFound')}
          data={tierChoices}
          value={tierId}
          onChange={(value) => {
            setTierId(value)
            setIsTierMissing(false)
          }}
          error={isTierMissing && t('members.tierMissing')}
          disabled={isDeceased}
        />
        <Select
          label={t('members.agent')}
          placeholder={t('members.noAgent')}
          searchable
          clearable
          clearButtonProps={{ 'aria-label': t('members.clear') }}
          limit={100}
          nothingFoundMessage={t('members.nothingFound')}
          data={agentChoices}
          value={agentId}
          onChange={setAgentId}
        />
        {!member && (
          <TextInput
            label={t('members.joinedOn')}
            type="date"
            required
            value={joinedOn}
            onChange={(event) => setJoinedOn(event.currentTarget.value)}
          />
        )}
        <TextInput
          label={t('shell.phone')}
          type="tel"
          maxLength={40}
          autoComplete="off"
          value={phone}
          onChange={(event) => setPhone(event.currentTarget.value)}
        />
        <TextInput
          label={t('shell.email')}
          type="email"
          maxLength={254}
          autoComplete="off"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <FormEnd of={save} verb={member ? t('shell.save') : t('members.add')} onCancel={onDone} />
      </Stack>
    </form>
  )
}
