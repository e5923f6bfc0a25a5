import {
  Alert,
  Anchor,
  Button,
  Checkbox,
  FileInput,
  Group,
  Modal,
  Paper,
  Progress,
  Radio,
  Select,
  Stack,
  Text,
  Title,
} from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type DragEvent, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask, type ImportResult, withQuery } from '../api.ts'
import { number } from '../format.ts'
import { Confirmation, ErrorAlert } from '../parts/forms.tsx'
import { useMay } from '../session.ts'
import { ImportCounts, ImportProblems } from './import-result.tsx'
import { LargeImport, WaitingImports } from './large-import.tsx'

type DateOrder = 'dmy' | 'mdy' | 'ymd'
type OnDuplicate = 'skip' | 'update'

/** A file that is dropped beside its place would else be opened in place of the page. */
function useNoStrayDrops(): void {
  useEffect(() => {
    const ignore = (event: Event) => event.preventDefault()
    window.addEventListener('dragover', ignore)
    window.addEventListener('drop', ignore)
    return () => {
      window.removeEventListener('dragover', ignore)
      window.removeEventListener('drop', ignore)
    }
  }, [])
}

function useSize(): (bytes: number) => string {
  const { i18n } = useTranslation()
  return (bytes) => {
    const [amount, unit] =
      bytes < 1000 ? [bytes, 'byte'] : bytes < 1e6 ? [bytes / 1e3, 'kilobyte'] : [bytes / 1e6, 'megabyte']
    const style = { style: 'unit', unit, maximumFractionDigits: 1 } as const
    return new Intl.NumberFormat(i18n.language, style).format(amount)
  }
}

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
  const [onDuplicate, setOnDuplicate] = useState<OnDuplicate>('skip')
  const [blank, setBlank] = useState<'keep' | 'erase'>('keep')
  const [dates, setDates] = useState<DateOrder | null>(null)
  const [createAgents, setCreateAgents] = useState(false)
  const [createTiers, setCreateTiers] = useState(false)

  const send = (chosen: File, how: { dryRun?: true; reason?: string } = {}) =>
    ask<ImportResult>(
      'POST',
      withQuery('/api/members/import', { ...how, onDuplicate, blank, dates, createAgents, createTiers }),
      chosen,
    )
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
          forget()
          setFile(chosen)
        }}
      />
      <Radio.Group
        label={t('members.onDuplicate')}
        value={onDuplicate}
        onChange={(value) => {
          forget()
          setOnDuplicate(value as OnDuplicate)
        }}
      >
        <Group mt="xs">
          {(['skip', 'update'] as const).map((one) => (
            <Radio key={one} value={one} label={t(`members.duplicate.${one}`)} disabled={isBusy} />
          ))}
        </Group>
      </Radio.Group>
      {onDuplicate === 'update' && (
        <Radio.Group
          label={t('members.blank')}
          value={blank}
          onChange={(value) => {
            forget()
            setBlank(value as 'keep' | 'erase')
          }}
        >
          <Group mt="xs">
            {(['keep', 'erase'] as const).map((one) => (
              <Radio key={one} value={one} label={t(`members.blanks.${one}`)} disabled={isBusy} />
            ))}
          </Group>
        </Radio.Group>
      )}
      <Select
        label={t('members.dates')}
        data={(['dmy', 'mdy', 'ymd'] as const).map((one) => ({
          value: one,
          label: t(`members.dateOrders.${one}`),
        }))}
        value={dates}
        clearable
        clearButtonProps={{ 'aria-label': t('members.clear') }}
        disabled={isBusy}
        onChange={(order) => {
          forget()
          setDates(order as DateOrder | null)
        }}
      />
      <Checkbox
        label={t('members.createAgents')}
        checked={createAgents}
        disabled={isBusy}
        onChange={(event) => {
          forget()
          setCreateAgents(event.currentTarget.checked)
        }}
      />
      <Checkbox
        label={t('members.createTiers')}
        checked={createTiers}
        disabled={isBusy}
        onChange={(event) => {
          forget()
          setCreateTiers(event.currentTarget.checked)
        }}
      />
      {!check.data && (
        <Group>
          <Button disabled={!file} loading={check.isPending} onClick={() => file && check.mutate(file)}>
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

/** While nothing rests on it; the server says when something does. */
function UndoImport({ importId, onDone }: { importId: string; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [isAsked, setIsAsked] = useState(false)
  const undo = useMutation({
    mutationFn: () => ask<{ removed: number; restored: number }>('POST', `/api/imports/${importId}/undo`),
    onSuccess: async ({ removed, restored }) => {
      await queries.invalidateQueries()
      notifications.show({
        message: t('members.undone', { removed: number(removed), restored: number(restored) }),
        color: 'green',
      })
      onDone()
    },
  })
  return (
    <>
      <Button variant="default" onClick={() => setIsAsked(true)}>
        {t('members.undo')}
      </Button>
      <Modal opened={isAsked} onClose={() => setIsAsked(false)} title={t('members.undo')}>
        <Confirmation
          sentence={t('members.undoSays')}
          action={t('members.undo')}
          isDangerous
          isPending={undo.isPending}
          error={undo.error}
          onConfirm={() => undo.mutate()}
          onClose={() => setIsAsked(false)}
        />
      </Modal>
    </>
  )
}

function FileChoice({
  file,
  disabled,
  onChoose,
}: {
  file: File | null
  disabled: boolean
  onChoose: (file: File | null) => void
}) {
  const { t } = useTranslation()
  const size = useSize()
  const resetInput = useRef<() => void>(null)
  const [isOver, setIsOver] = useState(false)
  const [fault, setFault] = useState<string>()
  useNoStrayDrops()
  const choose = (files: readonly File[]) => {
    const [first, ...others] = files
    // Whoever corrects the file and chooses it again means what it has become.
    resetInput.current?.()
    if (!first) return
    const isTable = first.type === 'text/csv' || /\.(csv|tsv|txt|xlsx)$/i.test(first.name)
    if (others.length > 0) setFault(t('members.oneFile'))
    else if (!isTable) setFault(t('members.notCsv', { name: first.name }))
    else {
      setFault(undefined)
      onChoose(first)
    }
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setIsOver(false)
    if (!disabled) choose([...event.dataTransfer.files])
  }
  return (
    <Paper
      withBorder
      p="lg"
      {...(isOver && !disabled && { bg: 'var(--mantine-primary-color-light)' })}
      onDragOver={(event: DragEvent) => {
        event.preventDefault()
        event.dataTransfer.dropEffect = disabled ? 'none' : 'copy'
        setIsOver(true)
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
    >
      <Stack gap="xs">
        <FileInput
          label={t('members.file')}
          description={t('members.drop')}
          placeholder={t('members.chooseFile')}
          accept=".csv,.tsv,.txt,.xlsx,text/csv"
          value={file}
          disabled={disabled}
          resetRef={resetInput}
          onChange={(chosen) => choose(chosen ? [chosen] : [])}
          error={fault}
        />
        {file && <Text size="sm">{t('members.chosen', { name: file.name, size: size(file.size) })}</Text>}
      </Stack>
    </Paper>
  )
}
