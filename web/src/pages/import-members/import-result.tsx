import { Button, Group, Paper, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { ImportResult } from '../../api.ts'
import { number } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { Facts } from '../../parts/facts.tsx'

type Fault = ImportResult['faults'][number]

const counted = [
  'rows',
  'inserted',
  'updated',
  'unchanged',
  'skipped',
  'faulty',
  'createdAgents',
  'createdTiers',
] as const

export function ImportCounts({ title, result }: { title: string; result: ImportResult }) {
  const { t } = useTranslation()
  return (
    <Paper withBorder p="md">
      <Title order={3} size="h4" mb="xs">
        {title}
      </Title>
      <Facts
        rows={[
          ...counted.map((name): [string, string] => [t(`members.${name}`), number(result[name])]),
          ...result.statusChanges
            .filter(({ from }) => from !== null)
            .map(({ from, to, members }): [string, string] => [
              t('members.statusChange', { from: t(`members.status.${from}`), to: t(`members.status.${to}`) }),
              number(members),
            ]),
        ]}
        as="number"
      />
      {result.newTiers.length > 0 && (
        <Text size="sm">
          {t('members.createdTiers')}: <span className="code">{result.newTiers.join(', ')}</span>
        </Text>
      )}
      {result.newAgents.length > 0 && <NewAgents agents={result.newAgents} />}
    </Paper>
  )
}

/** As they are made, or would be. */
function NewAgents({ agents }: { agents: ImportResult['newAgents'] }) {
  const { t } = useTranslation()
  return (
    <>
      <Title order={4} size="h5" mt="md">
        {t('members.createdAgents')}
      </Title>
      <DataTable
        rows={agents}
        keyOf={({ agentCode }) => agentCode}
        columns={[
          { name: t('shell.code'), as: 'code', show: ({ agentCode }) => agentCode },
          { name: t('shell.name'), show: ({ fullName }) => fullName },
          { name: t('shell.email'), show: ({ email }) => email ?? t('fund.notGiven') },
          { name: t('shell.phone'), show: ({ phone }) => phone ?? t('fund.notGiven') },
        ]}
      />
    </>
  )
}

/** A field that no spreadsheet runs as a formula. */
function csvField(value: string): string {
  const harmless = /^[=+@-]/.test(value) ? `'${value}` : value
  return `"${harmless.replaceAll('"', '""')}"`
}

function faultsAsCsv(faults: readonly Fault[]): Blob {
  const lines = [
    ['line', 'column', 'value', 'reason'],
    ...faults.map(({ line, column, value, reason }) => [String(line), column ?? '', value ?? '', reason]),
  ].map((fields) => `${fields.map(csvField).join(',')}\r\n`)
  // The mark at the beginning tells Excel that it is UTF-8.
  return new Blob(['\uFEFF', ...lines], { type: 'text/csv' })
}

function download(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  // Not at once: the browser may not have begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

/** One line for each kind of fault, however many rows have it. */
export function ImportProblems({ result, fileName }: { result: ImportResult; fileName: string }) {
  const { t } = useTranslation()
  const { problems, faults, warnings } = result
  if (problems.length === 0) return null
  const name = `${fileName.replace(/\.\w+$/, '')}-faults.csv`
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="xs">
        <Title order={3} size="h4">
          {t('members.faults')}
        </Title>
        <Button
          variant="default"
          size="xs"
          onClick={() => download(faultsAsCsv([...faults, ...warnings]), name)}
        >
          {t('members.download')}
        </Button>
      </Group>
      <DataTable
        rows={problems}
        keyOf={(problem) => `${problem.column} ${problem.reason} ${problem.isWarning}`}
        columns={[
          { name: t('members.rowsConcerned'), as: 'number', show: ({ rows }) => number(rows) },
          {
            name: t('members.outcome'),
            show: ({ isWarning }) => t(isWarning ? 'members.warning' : 'members.fault'),
          },
          { name: t('members.column'), as: 'code', show: ({ column }) => column ?? t('members.wholeRow') },
          { name: t('members.reason'), show: ({ reason }) => reason },
          {
            name: t('members.value'),
            as: 'code',
            show: ({ examples }) =>
              [...new Set(examples.map(({ value }) => value).filter(Boolean))].join(', '),
          },
          {
            name: t('members.exampleLines'),
            show: ({ examples, rows }) =>
              `${examples.map(({ line }) => number(line)).join(', ')}${rows > examples.length ? ' …' : ''}`,
          },
        ]}
      />
    </Paper>
  )
}
