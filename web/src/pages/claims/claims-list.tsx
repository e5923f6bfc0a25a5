import { Anchor, Badge, Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Claim } from '../../api.ts'
import { date, instant, money } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { List, useList } from '../../parts/list.tsx'
import { Chip } from '../../parts/status-chip.tsx'
import { StartRequest } from '../../parts/two-persons.tsx'
import { useFund, useMay, useSession } from '../../session.ts'
import { ClaimActions, UndoDeath } from './claim-actions.tsx'
import type { Decision } from './decide-claim.tsx'

const claims = '/api/claims'

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

/** The claims of that status, or all, and what can be done with each. */
export function ClaimsList({
  status,
  onDecide,
}: {
  status: string
  onDecide: (verb: Decision['verb'], claim: Claim) => void
}) {
  const { t } = useTranslation()
  const may = useMay()
  const fund = useFund()
  const list = useList<Claim>(claims, { status: status || undefined })
  const hasActions = may('claims.decide') || may('cycles.start')
  return (
    <List of={list} empty={t(status ? 'claims.noMatch' : 'claims.empty')}>
      {(items) => (
        <DataTable
          rows={items}
          keyOf={({ claimId }) => claimId}
          columns={[
            { name: t('shell.code'), as: 'code', show: ({ claimCode }) => claimCode },
            { name: t('shell.status'), show: ({ claimStatus }) => <ClaimChip status={claimStatus} /> },
            { name: t('claims.deceased'), show: (claim) => <DeceasedMember claim={claim} /> },
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
            { name: t('claims.submittedBy'), show: (claim) => <SubmittedBy claim={claim} /> },
            { name: t('claims.decision'), show: (claim) => <DecisionTaken claim={claim} /> },
            hasActions && {
              name: t('claims.actions'),
              show: (claim) => (
                <Stack gap="xs" align="flex-start">
                  <ClaimActions claim={claim} onDecide={onDecide} />
                  {may('cycles.start') && (
                    <StartRequest claimId={claim.claimId} claimCode={claim.claimCode} />
                  )}
                  {claim.claimStatus === 'Approved' && may('claims.decide') && <UndoDeath claim={claim} />}
                </Stack>
              ),
            },
          ]}
        />
      )}
    </List>
  )
}

function DeceasedMember({ claim }: { claim: Claim }) {
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

function SubmittedBy({ claim }: { claim: Claim }) {
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

function DecisionTaken({ claim }: { claim: Claim }) {
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
