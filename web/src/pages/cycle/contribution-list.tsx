import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Contribution, type Cycle, withQuery } from '../../api.ts'
import { money } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { List, useList } from '../../parts/list.tsx'
import { PaymentForm } from '../../parts/payment-form.tsx'
import { MemberLink } from '../../parts/payments.tsx'
import { WaiverButton } from '../../parts/waiver.tsx'
import { useFund, useMay } from '../../session.ts'

const cycles = '/api/contribution-cycles'

const statuses = ['Pending', 'Paid', 'Failed', 'Waived'] as const

function isOwed({ contributionStatus }: Contribution): boolean {
  return contributionStatus === 'Pending' || contributionStatus === 'Failed'
}

/** Who owes what in the cycle and who has paid; each is marked as paid in its row. */
export function ContributionList({ cycle }: { cycle: Cycle }) {
  const { t } = useTranslation()
  const may = useMay()
  const fund = useFund()
  const [status, setStatus] = useState<string | null>(null)
  const [q, setQ] = useState('')
  const [paying, setPaying] = useState<string>()
  const [searched] = useDebouncedValue(q.trim(), 300)
  // Another list is about to come: a form in a row would begin anew with it.
  const search = (text: string) => {
    setPaying(undefined)
    setQ(text)
  }
  const filterBy = (wanted: string | null) => {
    setPaying(undefined)
    setStatus(wanted)
  }
  const path = `${cycles}/${cycle.cycleId}/contributions`
  const filter = { ...(status !== null && { status }), ...(searched !== '' && { q: searched }) }
  const list = useList<Contribution>(path, filter)
  const isActive = cycle.cycleStatus === 'Active'
  const isCashier = isActive && may('payments.record') && fund !== undefined
  const paid = ({ paidAmount, contributionAmount }: Contribution) => {
    if (paidAmount === 0) return '–'
    if (paidAmount >= contributionAmount) return money(paidAmount, cycle)
    return t('cycles.ofTarget', {
      collected: money(paidAmount, cycle),
      target: money(contributionAmount, cycle),
    })
  }
  const nameId = ({ memberId }: Contribution) => `member-${memberId}`
  return (
    <Stack>
      <Group align="flex-end">
        <TextInput
          label={t('shell.search')}
          placeholder={t('cycles.searchHint')}
          value={q}
          maxLength={100}
          onChange={(event) => search(event.currentTarget.value)}
        />
        <Select
          label={t('shell.status')}
          placeholder={t('shell.all')}
          clearable
          value={status}
          onChange={filterBy}
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
              {
                name: t('shell.name'),
                show: (one) => (
                  <MemberLink memberId={one.memberId} id={nameId(one)}>
                    {one.fullName}
                  </MemberLink>
                ),
              },
              { name: t('cycles.agent'), as: 'code', show: (one) => one.agentCode ?? '–' },
              {
                name: t('cycles.owes'),
                as: 'number',
                show: (one) => money(one.contributionAmount, cycle),
              },
              { name: t('cycles.paid'), as: 'number', show: paid },
              {
                name: t('shell.status'),
                show: (one) => t(`cycles.contributionStatus.${one.contributionStatus}`),
              },
              isActive &&
                (may('payments.record') || may('contributions.waive')) && {
                  name: t('fund.actions'),
                  show: (one) => {
                    if (!isOwed(one) && one.waivedBy === null) return null
                    return (
                      <Group gap="xs" wrap="nowrap">
                        {isCashier && isOwed(one) && (
                          <Button
                            size="xs"
                            variant="default"
                            aria-expanded={paying === one.memberId}
                            aria-label={t('payments.verbOf', {
                              verb: t('payments.markPaid'),
                              of: one.memberCode,
                            })}
                            onClick={() =>
                              setPaying((former) => (former === one.memberId ? undefined : one.memberId))
                            }
                          >
                            {t('payments.markPaid')}
                          </Button>
                        )}
                        <WaiverButton contribution={{ ...one, cycleId: cycle.cycleId }} />
                      </Group>
                    )
                  },
                },
            ]}
            below={(one) =>
              isCashier &&
              paying === one.memberId && (
                <PaymentForm
                  id={`${cycle.cycleId} ${one.memberId}`}
                  fund={fund}
                  owed={one.contributionAmount - one.paidAmount}
                  purposeOf={() => ({ memberId: one.memberId, cycleId: cycle.cycleId })}
                  payer={one.fullName}
                  onDone={() => {
                    setPaying(undefined)
                    document.getElementById(nameId(one))?.focus()
                  }}
                  onCancel={() => {
                    setPaying(undefined)
                    document.getElementById(nameId(one))?.focus()
                  }}
                >
                  {(amount) =>
                    amount !== undefined &&
                    amount > one.contributionAmount - one.paidAmount && (
                      <Text size="sm">{t('payments.moreThanOwed')}</Text>
                    )
                  }
                </PaymentForm>
              )
            }
          />
        )}
      </List>
    </Stack>
  )
}
