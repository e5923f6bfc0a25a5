import { Alert, Button, Center, Loader, Stack, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Refusal } from '../api.ts'

/** The message for an error: the server's own sentence, or that it cannot be reached. */
export function useSentence(): (error: unknown) => string {
  const { t } = useTranslation()
  return (error) => {
    if (!(error instanceof Refusal)) return t('shell.unreachable')
    return [error.message, ...error.faults.map(({ detail }) => detail)]
      .filter((one, index, all) => all.indexOf(one) === index)
      .join(' ')
  }
}

export function LoadError({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useTranslation()
  const sentence = useSentence()
  return (
    <Alert color="red" title={t('shell.failed')} role="alert">
      <Stack align="flex-start">
        <Text>{sentence(error)}</Text>
        {again && (
          <Button variant="default" onClick={again}>
            {t('shell.tryAgain')}
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

export function Loading() {
  const { t } = useTranslation()
  return (
    <Center p="xl" role="status" aria-label={t('shell.loading')}>
      <Loader />
    </Center>
  )
}

export function Empty({ children }: { children?: ReactNode }) {
  const { t } = useTranslation()
  return (
    <Center p="xl">
      <Text c="dimmed">{children ?? t('shell.nothing')}</Text>
    </Center>
  )
}

interface Asked<Data> {
  readonly data: Data | undefined
  readonly error: unknown
  readonly refetch: () => unknown
}

/** Shows the data when it is loaded, and before that a loader or the error. Data stays when a later load fails. */
export function Loaded<Data>({
  of: { data, error, refetch },
  children,
}: {
  of: Asked<Data>
  children: (data: Data) => ReactNode
}) {
  if (data !== undefined) return <>{children(data)}</>
  return error ? <LoadError error={error} again={() => void refetch()} /> : <Loading />
}
