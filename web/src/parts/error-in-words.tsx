import { Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'

/** Known errors of PostgreSQL and the network, with their meaning for the user. */
const troubles: readonly [RegExp, string][] = [
  [/deadlock|could not serialize|lock timeout|could not obtain lock/i, 'busy'],
  [/statement timeout|query read timeout|took too long/i, 'slow'],
  [/ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|connection|terminat|shutting down|starting up/i, 'unreachable'],
  [/no space left|disk full|could not extend/i, 'full'],
  [/duplicate key/i, 'duplicate'],
]

/** Almoner's own errors are sentences already; others are explained, and also shown unchanged. */
export function ErrorInWords({ error }: { error: string }) {
  const { t } = useTranslation()
  const meaning = troubles.find(([sign]) => sign.test(error))?.[1]
  if (meaning === undefined && /^[A-Z\d].*\.$/s.test(error)) return <Text>{error}</Text>
  return (
    <>
      <Text>{t(`operations.trouble.${meaning ?? 'other'}`)}</Text>
      <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
        {error}
      </Text>
    </>
  )
}
