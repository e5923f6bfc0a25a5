import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Cycle } from '../../api.ts'
import { ErrorAlert } from '../../parts/forms.tsx'
import { TwoPersons, useApproval } from '../../parts/two-persons.tsx'
import { useMay } from '../../session.ts'

const cycles = '/api/contribution-cycles'

const verbs = ['pause', 'resume', 'retry', 'cancel'] as const
type Verb = (typeof verbs)[number]

/** What the state of the cycle lets be done with it. */
function possible(cycle: Cycle): Verb[] {
  if (cycle.cycleStatus === 'Failed') return ['retry', 'cancel']
  if (cycle.cycleStatus !== 'Initializing') return []
  return cycle.jobStatus === 'Paused' ? ['resume', 'cancel'] : ['pause', 'cancel']
}

/** For a day, while nothing is paid; the server says the last word. */
function isRevocable({ cycleStatus, activatedAt, collectedAmount }: Cycle): boolean {
  return (
    cycleStatus === 'Active' &&
    collectedAmount === 0 &&
    Date.now() - Date.parse(activatedAt ?? '') < 24 * 3_600_000
  )
}

function Revocation({ cycle: { cycleId, cycleCode } }: { cycle: Cycle }) {
  const { t } = useTranslation()
  return (
    <TwoPersons
      path={`${cycles}/${cycleId}/revocation`}
      asked={useApproval('revoke-cycle', cycleId)}
      texts={{
        title: t('cycles.revokeCycle', { code: cycleCode }),
        request: t('cycles.revoke'),
        approve: t('cycles.revoke'),
        approveSays: t('cycles.revokeSays'),
      }}
    />
  )
}

/** What is done with a cycle while it is created, and its revocation for a day after. */
export function Steering({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const may = useMay()
  const queries = useQueryClient()
  const [asked, setAsked] = useState<Verb>()
  const steer = useMutation({
    mutationFn: (verb: Verb) => ask<Cycle>('POST', `${cycles}/${cycle.cycleId}/${verb}`),
    onSuccess: (changed) => {
      queries.setQueryData([cycles, cycle.cycleId], changed)
      void queries.invalidateQueries({ queryKey: [cycles] })
      setAsked(undefined)
    },
  })
  const offered = may('cycles.steer') ? possible(cycle) : []
  const close = () => {
    setAsked(undefined)
    steer.reset()
  }
  return (
    <Group>
      {offered.map((verb) => (
        <Button
          key={verb}
          variant={verb === 'cancel' ? 'outline' : 'light'}
          color={verb === 'cancel' ? 'red' : 'blue'}
          onClick={() => setAsked(verb)}
        >
          {t(`cycles.${verb}`)}
        </Button>
      ))}
      {isRevocable(cycle) && may('cycles.start') && <Revocation cycle={cycle} />}
      <Modal opened={asked !== undefined} onClose={close} title={asked && t(`cycles.${asked}`)}>
        <Stack>
          <Text>{asked && t(`cycles.${asked}Says`)}</Text>
          <ErrorAlert error={steer.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              {t('cycles.keep')}
            </Button>
            <Button
              color={asked === 'cancel' ? 'red' : 'blue'}
              loading={steer.isPending}
              onClick={() => asked && steer.mutate(asked)}
            >
              {asked && t(`cycles.${asked}`)}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Group>
  )
}
