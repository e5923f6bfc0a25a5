import { Button, Group, Modal, SegmentedControl, Stack, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { claimStatuses } from '../../../../src/claims/claim-rules.ts'
import type { Claim } from '../../api.ts'
import { useMay } from '../../session.ts'
import { ClaimsList } from './claims-list.tsx'
import { DecideClaim, type Decision } from './decide-claim.tsx'
import { ReportDeath } from './report-death.tsx'

export function ClaimsPage() {
  const { t } = useTranslation()
  const may = useMay()
  const [status, setStatus] = useState('')
  const [isSubmitting, submitting] = useDisclosure()
  const [isDeciding, deciding] = useDisclosure()
  // It stays while the modal closes, which would otherwise be empty for a moment.
  const [decision, setDecision] = useState<Decision>()
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
      <ClaimsList status={status} onDecide={decide} />
      <Modal opened={isSubmitting} onClose={submitting.close} title={t('claims.submit')}>
        <ReportDeath onDone={submitting.close} />
      </Modal>
      <Modal
        opened={isDeciding}
        onClose={deciding.close}
        title={decision && t(`claims.${decision.verb}Claim`, { code: decision.claim.claimCode })}
      >
        {decision && <DecideClaim decision={decision} onDone={deciding.close} />}
      </Modal>
    </Stack>
  )
}
