import {
  Alert,
  Anchor,
  Badge,
  Button,
  Group,
  Modal,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { claimStatuses } from '../../../src/claims/claim-rules.ts'
import { ask, type Claim, type Member, type NewClaim } from '../api.ts'
import { date, instant, minorUnits, money, typed } from '../format.ts'
import { useApproval } from '../parts/approvals.ts'
import { useTiers } from '../parts/choices.ts'
import { CycleLink } from '../parts/cycle-link.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { FormEnd } from '../parts/forms.tsx'
import { List, useList } from '../parts/list.tsx'
import { MemberSelect } from '../parts/member-select.tsx'
import { Chip } from '../parts/status-chip.tsx'
import { TwoPersons } from '../parts/two-persons.tsx'
import { useFund, useMay, useSession } from '../session.ts'

const claims = '/api/claims'
const cycles = '/api/contribution-cycles'

const looks: Record<Claim['claimStatus'], { color: string; sign: string }> = {
  Submitted: { color: 'yellow', sign: '◔' },
  Approved: { color: 'green', sign: '✓' },
  Rejected: { color: 'red', sign: '×' },
  Revoked: { color: 'red', sign: '×' },
}

function ClaimChip({ status }: { status: Claim['claimStatus'] }) {
  const { t } = useTranslation()
  const { color, sign } = looks[status]
  return (
    <Chip color={color} sign={sign}>
      {t(`claims.status.${status}`)}
    </Chip>
  )
}

interface Decision {
  readonly verb: 'approve' | 'reject'
  readonly claim: Claim
}

export function ClaimsPage() {
  const { t } = useTranslation()
  const may = useMay()
  const [status, setStatus] = useState('')
  const fund = useFund()
  const [isSubmitting, submitting] = useDisclosure()
  const [isDeciding, deciding] = useDisclosure()
  // It stays while the modal closes, which else would be empty at the end.
  const [decision, setDecision] = useState<Decision>()
  const list = useList<Claim>(claims, { status: status || undefined })
  const hasActions = may('claims.decide') || may('cycles.start')
  const decide = (verb: Decision['verb'], claim: Claim) => {
    setDecision({ verb, claim })
    deciding.open()
  }
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{t('claims.title')}</Title>
        {may('claims.submit') && <Button onClick={submitting.open}>{t('claims.submit')}</Button>}
      </Group>
      <div className="scroll">
        <SegmentedControl
          aria-label={t('shell.status')}
          value={status}
          onChange={setStatus}
          data={['', ...claimStatuses].map((one) => ({
            value: one,
            label: one ? t(`claims.status.${one}`) : t('shell.all'),
          }))}
        />
      </div>
      <List of={list} empty={t(status ? 'claims.noMatch' : 'claims.empty')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={({ claimId }) => claimId}
            columns={[
              { name: t('shell.code'), as: 'code', show: ({ claimCode }) => claimCode },
              { name: t('shell.status'), show: ({ claimStatus }) => <ClaimChip status={claimStatus} /> },
              { name: t('claims.deceased'), show: (claim) => <Deceased claim={claim} /> },
              {
                name: t('claims.dateOfDeath'),
                as: 'code',
                show: ({ dateOfDeath, placeOfDeath }) => (
                  <>
                    {date(dateOfDeath)}
                    {placeOfDeath !== null && (
                      <Text size="xs" c="dimmed" style={{ whiteSpace: 'normal' }}>
                        {placeOfDeath}
                      </Text>
                    )}
                  </>
                ),
              },
              {
                name: t('claims.benefit'),
                as: 'number',
                show: ({ benefitAmount }) => fund && money(benefitAmount, fund),
              },
              { name: t('claims.submittedBy'), show: (claim) => <Submission claim={claim} /> },
              { name: t('claims.decision'), show: (claim) => <Outcome claim={claim} /> },
              hasActions && {
                name: t('claims.actions'),
                show: (claim) => (
                  <Stack gap="xs" align="flex-start">
                    <Actions claim={claim} onDecide={decide} />
                    {claim.claimStatus === 'Approved' && may('claims.decide') && <Undo claim={claim} />}
                  </Stack>
                ),
              },
            ]}
          />
        )}
      </List>
      <Modal opened={isSubmitting} onClose={submitting.close} title={t('claims.submit')}>
        <SubmitForm onDone={submitting.close} />
      </Modal>
      <Modal
        opened={isDeciding}
        onClose={deciding.close}
        title={decision && t(`claims.${decision.verb}Claim`, { code: decision.claim.claimCode })}
      >
        {decision && <DecisionForm decision={decision} onDone={deciding.close} />}
      </Modal>
    </Stack>
  )
}

function Deceased({ claim }: { claim: Claim }) {
  const { t } = useTranslation()
  const may = useMay()
  return (
    <>
      <Text inherit>{claim.deceasedFullName}</Text>
      <Text size="xs" c="dimmed" className="code">
        {may('members.read') ? (
          <Anchor
            inherit
            renderRoot={(props) => (
              <Link {...props} to="/members/$memberId" params={{ memberId: claim.deceasedMemberId }} />
            )}
          >
            {claim.deceasedMemberCode}
          </Anchor>
        ) : (
          claim.deceasedMemberCode
        )}
        {' · '}
        {t('claims.tier')} {claim.tierCode}
      </Text>
    </>
  )
}

function Submission({ claim }: { claim: Claim }) {
  const { t } = useTranslation()
  const fund = useFund()
  const session = useSession()
  return (
    <>
      <Group gap="xs">
        <Text inherit>{claim.submittedBy}</Text>
        {claim.submittedBy === session.data?.email && (
          <Badge variant="outline" tt="none">
            {t('claims.yours')}
          </Badge>
        )}
      </Group>
      <Text size="xs" c="dimmed">
        {fund && instant(claim.submittedAt, fund.timeZone)}
      </Text>
    </>
  )
}

function Outcome({ claim }: { claim: Claim }) {
  const fund = useFund()
  const who = claim.revokedBy ?? claim.approvedBy ?? claim.rejectedBy
  const at = claim.revokedAt ?? claim.approvedAt ?? claim.rejectedAt
  const why = claim.revocationReason ?? claim.approvalReason ?? claim.rejectionReason
  return (
    <>
      {who !== null && at !== null && fund && (
        <>
          <Text inherit>{who}</Text>
          <Text size="xs" c="dimmed">
            {instant(at, fund.timeZone)}
          </Text>
        </>
      )}
      {why !== null && (
        <Text size="sm" c="dimmed">
          {why}
        </Text>
      )}
    </>
  )
}

/** What can be done with the claim as it is, or what it has led to. */
function Actions({
  claim,
  onDecide,
}: {
  claim: Claim
  onDecide: (verb: Decision['verb'], claim: Claim) => void
}) {
  const { t } = useTranslation()
  const may = useMay()
  const { claimId, claimCode, claimStatus, cycleId, cycleCode } = claim
  if (claimStatus === 'Submitted' && may('claims.decide')) {
    return (
      <Group gap="xs">
        <Button
          size="xs"
          aria-label={t('claims.approveClaim', { code: claimCode })}
          onClick={() => onDecide('approve', claim)}
        >
          {t('claims.approve')}
        </Button>
        <Button
          size="xs"
          variant="default"
          aria-label={t('claims.rejectClaim', { code: claimCode })}
          onClick={() => onDecide('reject', claim)}
        >
          {t('claims.reject')}
        </Button>
      </Group>
    )
  }
  if (cycleId !== null && may('cycles.read')) {
    return <CycleLink cycleId={cycleId}>{t('claims.cycle', { code: cycleCode })}</CycleLink>
  }
  if (claimStatus === 'Approved' && cycleId === null && may('cycles.start')) {
    return (
      <Button
        renderRoot={(props) => <Link {...props} to="/cycles/start" search={{ claimId }} />}
        size="xs"
        variant="light"
        aria-label={t('claims.startCycleFor', { code: claimCode })}
      >
        {t('claims.startCycle')}
      </Button>
    )
  }
  return null
}

/** A death that was none is undone by two persons. */
function Undo({ claim }: { claim: Claim }) {
  const { t } = useTranslation()
  const { claimId, claimCode, deceasedFullName } = claim
  return (
    <TwoPersons
      path={`${claims}/${claimId}/revocation`}
      asked={useApproval(claimId)}
      texts={{
        title: t('claims.undoClaim', { code: claimCode }),
        request: t('claims.undo'),
        approve: t('claims.undo'),
        approveSays: t('claims.undoSays', { name: deceasedFullName }),
      }}
    />
  )
}

function DecisionForm({ decision: { verb, claim }, onDone }: { decision: Decision; onDone: () => void }) {
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
    // Somebody else may have decided meanwhile.
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

function SubmitForm({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const fund = useFund()
  const tiers = useTiers()
  const [deceased, setDeceased] = useState<Member | null>(null)
  const [dateOfDeath, setDateOfDeath] = useState('')
  const [placeOfDeath, setPlaceOfDeath] = useState('')
  /** Null until somebody types one. */
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
