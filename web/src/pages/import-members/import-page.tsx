import { Alert, Anchor, Button, Group, Progress, Stack, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type ImportResult, withQuery } from '../../api.ts'
import { number } from '../../format.ts'
import { ErrorAlert } from '../../parts/forms.tsx'
import { useMay } from '../../session.ts'
import { FileChoice, useSize } from './file-choice.tsx'
import { HowItIsRead } from './how-it-is-read.tsx'
import { ImportCounts, ImportProblems } from './import-result.tsx'
import { LargeImport, WaitingImports } from './large-import.tsx'
import { UndoImport } from './undo-import.tsx'
import { useReading } from './use-reading.ts'
import { firstWishes, WhatIsWritten, type Wishes } from './what-is-written.tsx'

export function ImportPage() {
  const { t } = useTranslation()
  const may = useMay()
  if (!may('members.import')) return <Alert color="gray">{t('shell.notAllowed')}</Alert>
  return (
    <Stack>
      <Anchor component={Link} to="/members">
        {t('members.toMembers')}
      </Anchor>
      <Title order={2}>{t('members.import')}</Title>
      <Text maw={720}>{t('members.importSays')}</Text>
      <WaitingImports />
      <ImportForm />
    </Stack>
  )
}

function ImportForm() {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const size = useSize()
  const [file, setFile] = useState<File | null>(null)
  const [wishes, setWishes] = useState<Wishes>(firstWishes)

  const send = (chosen: File, how: { dryRun?: true; reason?: string } = {}) => {
    const { map, dates } = reading
    return ask<ImportResult>(
      'POST',
      withQuery('/api/members/import', { ...how, ...wishes, dates, map }),
      chosen,
    )
  }
  const check = useMutation({ mutationFn: (chosen: File) => send(chosen, { dryRun: true }) })
  const write = useMutation({
    mutationFn: (chosen: File) => send(chosen),
    onSuccess: (result, { name }) => {
      for (const path of ['/api/members', '/api/agents', '/api/tiers']) {
        void queries.invalidateQueries({ queryKey: [path] })
      }
      const count = result.inserted + result.updated
      notifications.show({
        message: t('members.doneSays', { count, number: number(count), name }),
        color: 'green',
      })
    },
  })
  const isBusy = check.isPending || write.isPending
  const error = write.error ?? check.error
  /** What was found out holds for one file and its options only. */
  const forget = () => {
    check.reset()
    write.reset()
  }

  const { reading, ...read } = useReading(file, forget)
  const isClear = reading.missing.length + reading.twice.length + reading.unsaid.length === 0

  if (file && write.data) {
    const count = write.data.inserted + write.data.updated
    return (
      <Stack>
        <Alert color="green" title={t('members.done')} role="status">
          {t('members.doneSays', { count, number: number(count), name: file.name })}
        </Alert>
        <ImportCounts title={t('members.done')} result={write.data} />
        <ImportProblems result={write.data} fileName={file.name} />
        <Group>
          <Button component={Link} to="/members">
            {t('members.toMembers')}
          </Button>
          {count > 0 && write.data.importId !== null && (
            <UndoImport
              importId={write.data.importId}
              onDone={() => {
                forget()
                setFile(null)
              }}
            />
          )}
          <Button
            variant="default"
            onClick={() => {
              forget()
              setFile(null)
            }}
          >
            {t('members.another')}
          </Button>
        </Group>
      </Stack>
    )
  }
  const count = check.data ? check.data.inserted + check.data.updated : 0
  return (
    <Stack>
      <FileChoice
        file={file}
        disabled={isBusy}
        onChoose={(chosen) => {
          read.begin()
          setFile(chosen)
        }}
      />
      {file && <HowItIsRead reading={reading} disabled={isBusy} {...read} />}
      <WhatIsWritten
        wishes={wishes}
        disabled={isBusy}
        onChange={(changed) => {
          forget()
          setWishes(changed)
        }}
      />
      {!check.data && (
        <Group>
          <Button
            disabled={!reading.preview.data || !isClear}
            loading={check.isPending}
            onClick={() => file && check.mutate(file)}
          >
            {t('members.check')}
          </Button>
          <Text size="sm" c="dimmed">
            {t('members.checkSays')}
          </Text>
        </Group>
      )}
      {file && isBusy && (
        <Stack gap="xs" role="status">
          <Text>
            {t(write.isPending ? 'members.importing' : 'members.checking', {
              name: file.name,
              size: size(file.size),
            })}
          </Text>
          <Progress value={100} animated aria-hidden="true" />
        </Stack>
      )}
      <ErrorAlert error={error} />
      {file && check.data && (
        <>
          <ImportCounts title={t('members.wouldBe')} result={check.data} />
          {check.data.largeChange && (
            <LargeImport change={check.data.largeChange} request={(reason) => send(file, { reason })} />
          )}
          <Group>
            <Button
              size="md"
              disabled={count === 0}
              loading={write.isPending}
              onClick={() => write.mutate(file)}
            >
              {t('members.importN', { count, number: number(count) })}
            </Button>
            {count === 0 && <Text c="dimmed">{t('members.nothingToImport')}</Text>}
          </Group>
          <ImportProblems result={check.data} fileName={file.name} />
        </>
      )}
    </Stack>
  )
}
