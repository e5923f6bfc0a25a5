import { Anchor } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { type AgentShare, ask, type Cycle } from '../../api.ts'
import { money, number } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { Loaded } from '../../parts/states.tsx'

const cycles = '/api/contribution-cycles'

/** What each agent has to collect, and the way to the sheet for it. */
export function AgentShares({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const shares = useQuery({
    queryKey: [cycles, cycle.cycleId, 'agents'],
    queryFn: () => ask<{ items: AgentShare[] }>('GET', `${cycles}/${cycle.cycleId}/agents`),
  })
  return (
    <Loaded of={shares}>
      {({ items }) => (
        <DataTable
          rows={items}
          keyOf={(share) => share.agentId ?? ''}
          columns={[
            { name: t('cycles.agent'), as: 'code', show: (share) => share.agentCode ?? '–' },
            { name: t('shell.name'), show: (share) => share.fullName ?? t('shell.none') },
            { name: t('cycles.members'), as: 'number', show: (share) => number(share.members) },
            {
              name: t('cycles.toCollect'),
              as: 'number',
              show: (share) => money(share.expectedAmount, cycle),
            },
            {
              name: t('cycles.collected'),
              as: 'number',
              show: (share) => money(share.paidAmount, cycle),
            },
            {
              name: t('notices.toSheet'),
              show: ({ agentId, fullName }) =>
                agentId !== null && (
                  <Anchor
                    aria-label={t('notices.sheetOf', { name: fullName })}
                    renderRoot={(props) => (
                      <Link
                        {...props}
                        to="/cycles/$cycleId/sheet"
                        params={{ cycleId: cycle.cycleId }}
                        search={{ agentId }}
                      />
                    )}
                  >
                    {t('notices.toSheet')}
                  </Anchor>
                ),
            },
          ]}
        />
      )}
    </Loaded>
  )
}
