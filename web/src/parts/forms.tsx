import { Alert, Button, CopyButton, Group, Stack, Text, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useSentence } from './states.tsx'

/** Why a request was refused; nothing if it was not. */
export function ErrorAlert({ error }: { error: unknown }) {
  const sentence = useSentence()
  if (!error) return null
  return (
    <Alert color="red" role="alert">
      {sentence(error)}
    </Alert>
  )
}

/** As a ref: the element that gets the focus first. */
export function focus(element: HTMLElement | null): void {
  element?.focus()
}

/** What was typed in the field of that name. */
export function fieldOf(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name)
  return typeof value === 'string' ? value : ''
}

export function CopyValue({ value }: { value: string }) {
  const { t } = useTranslation()
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Button variant="default" onClick={copy}>
          {t(copied ? 'access.copied' : 'access.copy')}
        </Button>
      )}
    </CopyButton>
  )
}

/** The end of a form: the error, the cancel button and the submit button. */
export function FormEnd({
  of: { error, isPending },
  verb,
  isDangerous = false,
  onCancel,
}: {
  of: { error: unknown; isPending: boolean }
  verb: string
  isDangerous?: boolean
  onCancel: () => void
}) {
  const { t } = useTranslation()
  return (
    <>
      <ErrorAlert error={error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onCancel}>
          {t('shell.cancel')}
        </Button>
        <Button type="submit" {...(isDangerous && { color: 'red' })} loading={isPending}>
          {verb}
        </Button>
      </Group>
    </>
  )
}

export function Confirmation({
  sentence,
  action,
  isDangerous,
  isPending,
  error,
  onConfirm,
  onClose,
}: {
  sentence: ReactNode
  action: string
  isDangerous: boolean
  isPending: boolean
  error: unknown
  onConfirm: () => void
  onClose: () => void
}) {
  const { t } = useTranslation()
  return (
    <Stack>
      <Text>{sentence}</Text>
      <ErrorAlert error={error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          {t('shell.cancel')}
        </Button>
        <Button {...(isDangerous && { color: 'red' })} loading={isPending} onClick={onConfirm}>
          {action}
        </Button>
      </Group>
    </Stack>
  )
}

/** A secret that is shown only once. */
export function Secret({
  label,
  sentence,
  value,
  onClose,
}: {
  label: string
  sentence: string
  value: string
  onClose: () => void
}) {
  const { t } = useTranslation()
  return (
    <Stack>
      <Text>{sentence}</Text>
      <TextInput
        ref={focus}
        label={label}
        value={value}
        onFocus={(event) => event.currentTarget.select()}
        autoComplete="off"
        spellCheck={false}
        readOnly
      />
      <Group justify="flex-end">
        <CopyValue value={value} />
        <Button onClick={onClose}>{t('shell.close')}</Button>
      </Group>
    </Stack>
  )
}
