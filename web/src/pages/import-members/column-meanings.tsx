import { Alert, Button, Group, List, Select, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { memberColumns } from '../../../../src/members/column-rules.ts'
import { number } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { FileColumn, Meaning, Reading } from './use-reading.ts'

/** Rows that are shown below the names. */
const shownRows = 3

/** The columns of the file with its first rows, and what each of them is. It is closed while there is nothing to say. */
export function ColumnMeanings({
  reading,
  disabled,
  onSay,
  onLeaveOut,
  onNameBy,
}: {
  reading: Reading
  disabled: boolean
  onSay: (name: string, meaning: Meaning) => void
  onLeaveOut: (names: readonly string[]) => void
  onNameBy: (line: number) => void
}) {
  const { t } = useTranslation()
  const isUnclear = reading.missing.length + reading.twice.length + reading.unsaid.length > 0
  const [isAsked, setIsAsked] = useState(false)
  const isOpen = isAsked || isUnclear || reading.map.length > 0
  const rows = reading.preview.data?.rows ?? []
  const below = rows.filter(({ line }) => line > (reading.headerLine ?? 0)).slice(0, shownRows)
  const labels = useMeanings()
  return (
    <Stack gap="xs">
      <Title order={3} size="h4">
        {t('members.columnsOfFile')}
      </Title>
      {!isOpen && (
        <Group>
          <Text>{t('members.columnsKnown')}</Text>
          <Button variant="default" size="xs" onClick={() => setIsAsked(true)}>
            {t('members.showColumns')}
          </Button>
        </Group>
      )}
      {isOpen && (
        <>
          <Select
            label={t('members.headerLine')}
            maw={560}
            data={rows.map(({ line, fields }) => ({
              value: String(line),
              label: `${t('members.line', { line: number(line) })}: ${fields.filter(Boolean).join(', ').slice(0, 60)}`,
            }))}
            value={reading.headerLine === null ? null : String(reading.headerLine)}
            allowDeselect={false}
            disabled={disabled}
            onChange={(line) => line !== null && onNameBy(Number(line))}
          />
          <DataTable
            rows={reading.columns.map((column, index) => ({ ...column, index }))}
            keyOf={({ index }) => index}
            columns={[
              { name: t('shell.name'), show: ({ name }) => name || t('fund.notGiven') },
              ...below.map(({ line, fields }) => ({
                name: t('members.line', { line: number(line) }),
                show: ({ index }: { index: number }) => fields[index] ?? '',
              })),
              {
                name: t('members.meaning'),
                show: ({ name, meaning }: FileColumn) =>
                  name === '' ? (
                    t('members.leaveOut')
                  ) : (
                    <Select
                      aria-label={t('members.meaningOf', { name })}
                      placeholder={t('members.meaning')}
                      data={[
                        { value: '', label: t('members.leaveOut') },
                        ...memberColumns.map((column) => ({ value: column, label: labels(column) })),
                      ]}
                      value={meaning}
                      error={meaning === null || (meaning !== '' && reading.twice.includes(meaning))}
                      allowDeselect={false}
                      disabled={disabled}
                      onChange={(chosen) => onSay(name, chosen as Meaning)}
                    />
                  ),
              },
            ]}
          />
        </>
      )}
      {isUnclear && (
        <Alert color="gray" role="status" title={t('members.toBeSaid')}>
          <List size="sm">
            {reading.missing.length > 0 && (
              <List.Item>{t('members.missing', { names: reading.missing.map(labels).join(', ') })}</List.Item>
            )}
            {reading.twice.length > 0 && (
              <List.Item>{t('members.twice', { names: reading.twice.map(labels).join(', ') })}</List.Item>
            )}
            {reading.unsaid.length > 0 && (
              <List.Item>{t('members.unsaid', { names: reading.unsaid.join(', ') })}</List.Item>
            )}
          </List>
          {reading.unsaid.length > 0 && (
            <Button
              variant="default"
              size="xs"
              mt="xs"
              disabled={disabled}
              onClick={() => onLeaveOut(reading.unsaid)}
            >
              {t('members.leaveOthersOut')}
            </Button>
          )}
        </Alert>
      )}
    </Stack>
  )
}

function useMeanings(): (column: (typeof memberColumns)[number]) => string {
  const { t } = useTranslation()
  return (column) => t(`members.meanings.${column}`)
}
