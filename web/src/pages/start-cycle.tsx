import {
  Alert,
  Button,
  Grid,
  Group,
  NumberInput,
  Paper,
  Radio,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { type FormEvent, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type Claim, type Page, type Preview, type Started } from '../api.ts'
import { date, duration, minorUnits, money, number } from '../format.ts'
import { StartedCard } from '../parts/creation.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Facts } from '../parts/facts.tsx'
import { ErrorAlert, fieldOf } from '../parts/forms.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { StartRequest, useApproval } from '../parts/two-persons.tsx'
import { useFund } from '../session.ts'

const cycles = '/api/contribution-cycles'

/** Approved claims that have no cycle that is alive. */
function useWaitingClaims() {
  return useQuery({
    queryKey: ['/api/claims', 'waiting'],
    queryFn: async () =>
      (await ask<Page<Claim>>('GET', '/api/claims?status=Approved&hasCycle=false&limit=200')).items,
  })
}

interface Order {
  claimId: string
  contributionAmount?: number | 'apportion'
  cycleDuration: number
}

export function StartCyclePage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const { claimId: asked } = useSearch({ strict: false }) as { claimId?: string }
  const fund = useFund()
  const waiting = useWaitingClaims()
  const [claimId, setClaimId] = useState(asked ?? '')
  const [way, setWay] = useState<'fixed' | 'shared'>('fixed')
  const [amount, setAmount] = useState('')
  const [days, setDays] = useState(15)
  const claims = waiting.data
  // One claim that waits is the one that is meant.
  useEffect(() => {
    const [first, ...others] = claims ?? []
    if (!claimId && first && others.length === 0) setClaimId(first.claimId)
  }, [claims, claimId])

  const minor = amount === '' ? undefined : fund && minorUnits(amount, fund)
  const isAmountWrong = way === 'fixed' && amount !== '' && minor === undefined
  const order: Order = {
    claimId,
    cycleDuration: days,
    ...(way === 'shared'
      ? { contributionAmount: 'apportion' as const }
      : minor !== undefined && { contributionAmount: minor }),
  }
  const preview = useQuery({
    queryKey: [cycles, 'preview', order],
    enabled: claimId !== '' && !isAmountWrong,
    staleTime: 0,
    queryFn: () => ask<Preview>('POST', `${cycles}/preview`, order),
  })
  const start = useMutation({
    mutationFn: () => ask<Started>('POST', cycles, order),
    onSuccess: () => void queries.invalidateQueries({ queryKey: [cycles] }),
  })

  const [approved, setApproved] = useState<Started['cycle']>()
  const waits = useApproval('start-cycle', claimId) !== null
  const chosen = claims?.find((claim) => claim.claimId === claimId)

  const cycle = start.data?.cycle ?? approved
  if (cycle) {
    return (
      <StartedCard
        cycle={cycle}
        onView={() => void navigate({ to: '/cycles/$cycleId', params: { cycleId: cycle.cycleId } })}
        onClose={() => void navigate({ to: '/' })}
      />
    )
  }
  return (
    <Stack>
      <Title order={2}>{t('cycles.start')}</Title>
      <Loaded of={waiting}>
        {(offered) =>
          offered.length === 0 ? (
            <Empty>{t('cycles.noClaims')}</Empty>
          ) : (
            <Grid>
              <Grid.Col span={{ base: 12, md: 5 }}>
                <Stack>
                  <Radio.Group label={t('cycles.choose')} value={claimId} onChange={setClaimId}>
                    <Stack gap="xs" mt="xs">
                      {offered.map((claim) => (
                        <Radio
                          key={claim.claimId}
                          value={claim.claimId}
                          label={t('cycles.claimLine', {
                            code: claim.claimCode,
                            name: claim.deceasedFullName,
                            benefit: fund ? money(claim.benefitAmount, fund) : '',
                          })}
                        />
                      ))}
                    </Stack>
                  </Radio.Group>
                  <Radio.Group
                    label={t('cycles.amount')}
                    value={way}
                    onChange={(value) => setWay(value as 'fixed' | 'shared')}
                  >
                    <Stack gap="xs" mt="xs">
                      <Radio value="fixed" label={t('cycles.amountFixed')} />
                      <Radio value="shared" label={t('cycles.amountShared')} />
                    </Stack>
                  </Radio.Group>
                  {way === 'fixed' && (
                    <TextInput
                      label={`${t('cycles.amount')} (${fund?.currency ?? ''})`}
                      description={t('cycles.amountHint')}
                      inputMode="decimal"
                      value={amount}
                      onChange={(event) => setAmount(event.currentTarget.value)}
                      error={isAmountWrong && t('cycles.amountWrong', { currency: fund?.currency })}
                    />
                  )}
                  <NumberInput
                    label={t('cycles.days')}
                    min={1}
                    max={365}
                    allowDecimal={false}
                    clampBehavior="strict"
                    value={days}
                    onChange={(value) => setDays(Number(value) || 15)}
                  />
                </Stack>
              </Grid.Col>
              <Grid.Col span={{ base: 12, md: 7 }}>
                {chosen && waits && (
                  <Paper withBorder p="lg" mb="md">
                    <Stack>
                      <Title order={3} size="h4">
                        {t('claims.startCycleFor', { code: chosen.claimCode })}
                      </Title>
                      <StartRequest claimId={claimId} claimCode={chosen.claimCode} onStarted={setApproved} />
                    </Stack>
                  </Paper>
                )}
                {claimId !== '' && !isAmountWrong && (
                  <Loaded of={preview}>
                    {(shown) => (
                      <PreviewCard preview={shown}>
                        {shown.beyondLimit.length > 0 ? (
                          !waits && <BeyondForm key={JSON.stringify(order)} order={order} preview={shown} />
                        ) : (
                          <Group>
                            <ErrorAlert error={start.error} />
                            <Button
                              size="md"
                              h="auto"
                              py="xs"
                              styles={{ label: { whiteSpace: 'normal' } }}
                              loading={start.isPending}
                              onClick={() => start.mutate()}
                            >
                              {t('cycles.confirm', { members: number(shown.eligibleMembers) })}
                            </Button>
                          </Group>
                        )}
                      </PreviewCard>
                    )}
                  </Loaded>
                )}
              </Grid.Col>
            </Grid>
          )
        }
      </Loaded>
    </Stack>
  )
}

/** A start that goes too far for one person: it is asked for by who has typed how much it is. */
function BeyondForm({ order, preview }: { order: Order; preview: Preview }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [typedFigure, setTypedFigure] = useState('')
  const amount = (minor: number) => money(minor, preview)
  const [first] = preview.beyondLimit
  const isTyped = minorUnits(typedFigure, preview) === first?.figure
  const request = useMutation({
    mutationFn: (reason: string) => ask('POST', `${cycles}/requests`, { ...order, reason }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['/api/approvals'] }),
  })
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (isTyped) request.mutate(fieldOf(event.currentTarget, 'reason').trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Alert color="red" title={t('cycles.beyondTitle')}>
          {preview.beyondLimit.map(({ reason, figure, limit }) => (
            <Text key={reason} size="sm">
              {t(`cycles.beyond.${reason}`, { figure: amount(figure), limit: amount(limit) })}
            </Text>
          ))}
          <Text size="sm">{t('shell.anotherApproves')}</Text>
        </Alert>
        <TextInput
          label={t(first?.reason === 'amount' ? 'cycles.each' : 'cycles.expected')}
          description={t('cycles.typeFigureHint', { figure: amount(first?.figure ?? 0) })}
          required
          inputMode="decimal"
          autoComplete="off"
          value={typedFigure}
          onChange={(event) => setTypedFigure(event.currentTarget.value)}
        />
        <Textarea name="reason" label={t('shell.why')} maxLength={200} autosize required />
        <ErrorAlert error={request.error} />
        <Group>
          <Button
            type="submit"
            color="red"
            size="md"
            h="auto"
            py="xs"
            styles={{ label: { whiteSpace: 'normal' } }}
            disabled={!isTyped}
            loading={request.isPending}
          >
            {t('cycles.askForStart')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function PreviewCard({ preview, children }: { preview: Preview; children: React.ReactNode }) {
  const { t } = useTranslation()
  const amount = (minor: number) => money(minor, preview)
  const { exclusions } = preview
  const notAsked = (['deceased', 'notActive', 'registeredAfter'] as const)
    .filter((reason) => exclusions[reason] > 0)
    .map((reason) => `${number(exclusions[reason])} ${t(`cycles.exclusions.${reason}`)}`)
  const facts: [string, string][] = [
    [t('cycles.each'), amount(preview.contributionAmount)],
    [t('cycles.expected'), amount(preview.expectedAmount)],
    [t('cycles.target'), amount(preview.targetAmount)],
    preview.shortfallAmount > 0
      ? [t('cycles.shortfall'), amount(preview.shortfallAmount)]
      : [t('cycles.surplus'), amount(preview.surplusAmount)],
    [t('cycles.deadline'), date(preview.deadline)],
    [t('cycles.notAsked'), notAsked.join(', ') || t('shell.none')],
  ]
  return (
    <Paper withBorder p="lg">
      <Stack>
        <Title order={3} size="h4">
          {t('cycles.previewTitle')}
        </Title>
        <Text fw={600}>{t('cycles.eligible', { members: number(preview.eligibleMembers) })}</Text>
        <Facts rows={facts} as="number" />
        {preview.joinedAfterDeath > 0 && (
          <Alert color="orange">
            {t('cycles.joinedAfterDeath', { members: number(preview.joinedAfterDeath) })}
          </Alert>
        )}
        {preview.reportedDead.length > 0 && (
          <Alert color="orange" title={t('cycles.reportedDead')}>
            <Text size="sm">{t('cycles.reportedSays')}</Text>
            {preview.reportedDead.map(({ memberCode, fullName, claimCode }) => (
              <Text key={memberCode} size="sm">
                {fullName} · <span className="code">{memberCode}</span> · {claimCode}
              </Text>
            ))}
          </Alert>
        )}
        {preview.largestAgents.length > 0 && (
          <details>
            <summary>{t('cycles.largestAgents')}</summary>
            <DataTable
              rows={preview.largestAgents}
              keyOf={({ agentId }) => agentId}
              columns={[
                { name: t('cycles.agent'), show: ({ fullName }) => fullName },
                { name: t('cycles.members'), as: 'number', show: ({ members }) => number(members) },
                {
                  name: t('cycles.toCollect'),
                  as: 'number',
                  show: ({ expectedAmount }) => amount(expectedAmount),
                },
              ]}
            />
          </details>
        )}
        {preview.estimatedSeconds !== null && preview.estimatedSeconds > 1 && (
          <Text c="dimmed">{t('cycles.takes', { duration: duration(preview.estimatedSeconds) })}</Text>
        )}
        {children}
      </Stack>
    </Paper>
  )
}
