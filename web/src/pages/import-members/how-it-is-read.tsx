import { Loader, Paper, Select, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { ErrorAlert } from '../../parts/forms.tsx'
import { ColumnMeanings } from './column-meanings.tsx'
import { ProfileChoice, SaveProfile } from './profiles.tsx'
import type { DateOrder, useReading } from './use-reading.ts'

/** What the columns of the chosen file are, and its dates; as a profile says it, or somebody who sees the first rows. */
export function HowItIsRead({
  reading,
  disabled,
  say,
  leaveOut,
  nameBy,
  orderDates,
  readAs,
}: Omit<ReturnType<typeof useReading>, 'begin'> & { disabled: boolean }) {
  const { t } = useTranslation()
  const { data, error, isPending } = reading.preview
  return (
    <Paper withBorder p="md" component="section" aria-label={t('members.columnsOfFile')}>
      <Stack>
        <ProfileChoice chosen={reading.profile} disabled={disabled} onChoose={readAs} />
        {isPending && <Loader size="sm" aria-label={t('shell.loading')} />}
        <ErrorAlert error={error} />
        {data && (
          <>
            <ColumnMeanings
              reading={reading}
              disabled={disabled}
              onSay={say}
              onLeaveOut={leaveOut}
              onNameBy={nameBy}
            />
            <Select
              label={t('members.dates')}
              maw={560}
              data={(['dmy', 'mdy', 'ymd'] as const).map((one) => ({
                value: one,
                label: t(`members.dateOrders.${one}`),
              }))}
              value={reading.dates}
              clearable
              clearButtonProps={{ 'aria-label': t('members.clear') }}
              disabled={disabled}
              onChange={(order) => orderDates(order as DateOrder | null)}
            />
            {(reading.map.length > 0 || reading.dates !== null) && (
              <SaveProfile key={reading.profile} reading={reading} disabled={disabled} />
            )}
          </>
        )}
      </Stack>
    </Paper>
  )
}
