import {
  Button,
  Group,
  NumberInput,
  Paper,
  Select,
  Stack,
  Switch,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  fundSubject,
  type LetterLanguage,
  letterLanguages,
  maxStartLimitPercent,
} from '../../../src/fund/fund-rules.ts'
import { currencyCodes, currencyOf } from '../../../src/platform/values/currency-rules.ts'
import { ask, type Fund } from '../api.ts'
import { minorUnits, typed } from '../format.ts'
import { ChannelChoice } from '../parts/channel-choice.tsx'
import { ErrorAlert } from '../parts/forms.tsx'
import { Loaded } from '../parts/states.tsx'
import { TwoPersons, useApproval } from '../parts/two-persons.tsx'
import { useMay } from '../session.ts'
import { languages } from '../texts.ts'
import { Sources } from './sources.tsx'

export function SettingsPage() {
  const { t } = useTranslation()
  const canChange = useMay()('fund.change')
  const fund = useQuery({
    queryKey: ['fund'],
    staleTime: 300_000,
    queryFn: () => ask<Fund>('GET', '/api/fund'),
  })
  return (
    <Stack maw={640}>
      <Title order={2}>{t('fund.settingsTitle')}</Title>
      <Loaded of={fund}>
        {(data) => (
          <>
            <FundForm fund={data} />
            {canChange && !data.selfApproval && <SelfApproval />}
          </>
        )}
      </Loaded>
      <Sources />
    </Stack>
  )
}

/** What somebody has changed and not saved; the rounding step and the payment limit as they are typed. */
type Draft = Partial<Omit<Fund, 'roundingStep' | 'paymentLimit'> & { step: string; limit: string }>

/** Browsers list some zones only by a former name, as Asia/Calcutta, and UTC not at all. */
function timeZones(current: string): string[] {
  return [
    ...new Set([current, 'UTC', 'Asia/Kolkata', 'Asia/Kathmandu', ...Intl.supportedValuesOf('timeZone')]),
  ].sort()
}

function currencies(current: string): string[] {
  return [...new Set([current, ...currencyCodes])].sort()
}

function FundForm({ fund }: { fund: Fund }) {
  const { t } = useTranslation()
  const readOnly = !useMay()('fund.change')
  const queries = useQueryClient()
  const [draft, setDraft] = useState<Draft>({})
  const change = (part: Draft) => setDraft((former) => ({ ...former, ...part }))

  const { step, limit, ...rest } = draft
  const shown = { ...fund, ...rest }
  // A step that nobody has typed keeps its meaning in another currency: the server sees to that.
  const stepText = step ?? typed(fund.roundingStep, fund)
  const currency = shown.currency === fund.currency ? fund : (currencyOf(shown.currency) ?? fund)
  const roundingStep = step === undefined ? fund.roundingStep : minorUnits(step, currency)
  const limitText = limit ?? (fund.paymentLimit === null ? '' : typed(fund.paymentLimit, fund))
  // Null: any; undefined: what is typed is no amount.
  const paymentLimit =
    limit === undefined ? fund.paymentLimit : limit.trim() === '' ? null : minorUnits(limit, currency)
  const wanted = { ...shown, name: shown.name.trim(), roundingStep, paymentLimit }
  const changed = (Object.keys(fund) as (keyof Fund)[]).filter(
    (key) => String(wanted[key]) !== String(fund[key]),
  )

  const save = useMutation({
    mutationFn: () =>
      ask<Fund>('PATCH', '/api/fund', Object.fromEntries(changed.map((key) => [key, wanted[key]]))),
    onSuccess: (saved) => {
      queries.setQueryData(['fund'], saved)
      setDraft({})
      notifications.show({ message: t('shell.saved'), color: 'green' })
      return queries.invalidateQueries({ queryKey: ['fund'] })
    },
  })

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (changed.length > 0 && roundingStep !== undefined && paymentLimit !== undefined) save.mutate()
      }}
    >
      <Stack>
        {readOnly && <Text c="dimmed">{t('fund.readOnly')}</Text>}
        <TextInput
          label={t('fund.name')}
          required={!readOnly}
          readOnly={readOnly}
          value={shown.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
        />
        <Select
          label={t('fund.currency')}
          description={t('fund.currencyHint')}
          data={currencies(fund.currency)}
          searchable
          allowDeselect={false}
          readOnly={readOnly}
          nothingFoundMessage={t('fund.unknown')}
          value={shown.currency}
          onChange={(currency) => currency !== null && change({ currency })}
        />
        <Select
          label={t('fund.timeZone')}
          description={t('fund.timeZoneHint')}
          data={timeZones(fund.timeZone)}
          searchable
          allowDeselect={false}
          readOnly={readOnly}
          nothingFoundMessage={t('fund.unknown')}
          value={shown.timeZone}
          onChange={(timeZone) => timeZone !== null && change({ timeZone })}
        />
        <TextInput
          label={t('fund.prefix')}
          description={t('fund.prefixHint')}
          required={!readOnly}
          readOnly={readOnly}
          maxLength={8}
          value={shown.cycleCodePrefix}
          onChange={(event) => change({ cycleCodePrefix: event.currentTarget.value.toUpperCase() })}
        />
        <TextInput
          label={t('fund.rounding', { currency: shown.currency })}
          description={t('fund.roundingHint')}
          required={!readOnly}
          readOnly={readOnly}
          inputMode="decimal"
          error={roundingStep === undefined && t('fund.amountWrong', { currency: shown.currency })}
          value={stepText}
          onChange={(event) => change({ step: event.currentTarget.value })}
        />
        <TextInput
          label={t('fund.paymentLimit', { currency: shown.currency })}
          description={t('fund.paymentLimitHint')}
          readOnly={readOnly}
          inputMode="decimal"
          error={paymentLimit === undefined && t('fund.amountWrong', { currency: shown.currency })}
          value={limitText}
          onChange={(event) => change({ limit: event.currentTarget.value })}
        />
        {fund.selfApproval && (
          <Switch
            label={t('fund.selfApproval')}
            description={t('fund.selfApprovalHint')}
            disabled={readOnly}
            checked={shown.selfApproval}
            onChange={(event) => change({ selfApproval: event.currentTarget.checked })}
          />
        )}
        <NumberInput
          label={t('fund.importStatusLimit')}
          description={t('fund.importStatusLimitHint')}
          readOnly={readOnly}
          min={0}
          max={100}
          clampBehavior="strict"
          allowDecimal={false}
          suffix=" %"
          value={shown.importStatusLimitPercent}
          onChange={(value) => change({ importStatusLimitPercent: Number(value) })}
        />
        <TextInput
          label={t('fund.startLimit')}
          description={t('fund.startLimitHint')}
          required={!readOnly}
          readOnly={readOnly}
          type="number"
          min={0}
          max={maxStartLimitPercent}
          value={Number.isNaN(shown.startLimitPercent) ? '' : shown.startLimitPercent}
          onChange={(event) => change({ startLimitPercent: event.currentTarget.valueAsNumber })}
        />
        <Select
          label={t('fund.noticeLanguage')}
          description={t('fund.noticeLanguageHint')}
          data={letterLanguages.map((value) => ({ value, label: languages[value] }))}
          allowDeselect={false}
          readOnly={readOnly}
          value={shown.noticeLanguage}
          onChange={(value) => change({ noticeLanguage: value as LetterLanguage })}
        />
        {(['agentChannels', 'memberChannels'] as const).map((key) => (
          <ChannelChoice
            key={key}
            label={t(`fund.${key}`)}
            description={key === 'memberChannels' && t('fund.memberChannelsHint')}
            disabled={readOnly}
            value={shown[key]}
            onChange={(channels) => change({ [key]: channels })}
          />
        ))}
        <ErrorAlert error={save.error} />
        {!readOnly && (
          <Group>
            <Button type="submit" loading={save.isPending} disabled={changed.length === 0}>
              {t('shell.save')}
            </Button>
            {changed.length > 0 && (
              <>
                <Button
                  variant="default"
                  onClick={() => {
                    setDraft({})
                    save.reset()
                  }}
                >
                  {t('fund.discard')}
                </Button>
                <Text c="dimmed">{t('fund.changes', { changes: changed.length })}</Text>
              </>
            )}
          </Group>
        )}
      </Stack>
    </form>
  )
}

/** While it is off: one person alone does not switch it on. */
function SelfApproval() {
  const { t } = useTranslation()
  return (
    <Paper withBorder p="md">
      <Stack gap="xs" align="flex-start">
        <Title order={3} size="h4">
          {t('fund.selfApproval')}
        </Title>
        <Text size="sm">{t('fund.selfApprovalHint')}</Text>
        <Text size="sm">{t('fund.selfApprovalAlone')}</Text>
        <TwoPersons
          path="/api/fund/self-approval"
          asked={useApproval('self-approval', fundSubject)}
          texts={{
            title: t('fund.selfApproval'),
            request: t('fund.askSelfApproval'),
            approve: t('fund.allowSelfApproval'),
            approveSays: t('fund.selfApprovalSays'),
          }}
        />
      </Stack>
    </Paper>
  )
}
