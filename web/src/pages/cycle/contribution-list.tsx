import { Button, Group, Select, Stack, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Contribution, type Cycle, withQuery } from '../../api.ts'
import { money } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { List, useList } from '../../parts/list.tsx'

const cycles = '/api/contribution-cycles'

const statuses = ['Pending', 'Paid', 'Failed', 'Waived'] as const

/** Who owes what in the cycle, and who has paid. */
export function ContributionList({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const [status, setStatus] = useState<string | null>(null)
  const [q, setQ] = useState('')
  const [searched] = useDebouncedValue(q.trim(), 300)
  const path = `${cycles}/${cycle.cycleId}/contributions`
  const filter = { ...(status !== null && { status }), ...(searched !== '' && { q: searched }) }
  const list = useList<Contribution>(path, filter)
  return (
    <Stack>
      <Group align="flex-end">
        <TextInput
          label={t('shell.search')}
          placeholder={t('cycles.searchHint')}
          value={q}
          maxLength={100}
          onChange={(event) => setQ(event.currentTarget.value)}
        />
        <Select
          label={t('shell.status')}
          placeholder={t('shell.all')}
          clearable
          value={status}
          onChange={setStatus}
          data={statuses.map((one) => ({ value: one, label: t(`cycles.contributionStatus.${one}`) }))}
        />
        <Button component="a" href={withQuery(`${path}.csv`, filter)} download variant="default">
          {t('cycles.exportCsv')}
        </Button>
      </Group>
      <List of={list} empty={t('cycles.noMatch')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={(one) => one.memberId}
            columns={[
              { name: t('shell.code'), as: 'code', show: (one) => one.memberCode },
              { name: t('shell.name'), show: (one) => one.fullName },
              { name: t('cycles.agent'), as: 'code', show: (one) => one.agentCode ?? '–' },
              {
                name: t('cycles.owes'),
                as: 'number',
                show: (one) => money(one.contributionAmount, cycle),
              },
              {
                name: t('shell.status'),
                show: (one) => t(`cycles.contributionStatus.${one.contributionStatus}`),
              },
            ]}
          />
        )}
      </List>
    </Stack>
  )
}
