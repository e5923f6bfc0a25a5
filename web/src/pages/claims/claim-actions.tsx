import { Button, Group } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Claim } from '../../api.ts'
import { CycleLink } from '../../parts/cycle-link.tsx'
import { TwoPersons, useApproval } from '../../parts/two-persons.tsx'
import { useMay } from '../../session.ts'
import type { Decision } from './decide-claim.tsx'

const claims = '/api/claims'

/** The buttons for the claim in its present state, or a link to its cycle. */
export function ClaimActions({
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

/** A death that did not happen is undone by two persons. */
export function UndoDeath({ claim }: { claim: Claim }) {
  const { t } = useTranslation()
  const { claimId, claimCode, deceasedFullName } = claim
  return (
    <TwoPersons
      path={`${claims}/${claimId}/revocation`}
      asked={useApproval('undo-death', claimId)}
      texts={{
        title: t('claims.undoClaim', { code: claimCode }),
        request: t('claims.undo'),
        approve: t('claims.undo'),
        approveSays: t('claims.undoSays', { name: deceasedFullName }),
      }}
    />
  )
}
