import { FileInput, Paper, Stack, Text } from '@mantine/core'
import { type DragEvent, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

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

export function useSize(): (bytes: number) => string {
  const { i18n } = useTranslation()
  return (bytes) => {
    const [amount, unit] =
      bytes < 1000 ? [bytes, 'byte'] : bytes < 1e6 ? [bytes / 1e3, 'kilobyte'] : [bytes / 1e6, 'megabyte']
    const style = { style: 'unit', unit, maximumFractionDigits: 1 } as const
    return new Intl.NumberFormat(i18n.language, style).format(amount)
  }
}

export function FileChoice({
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
