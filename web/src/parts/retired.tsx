import { Badge, Button, Group, Switch, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask } from '../api.ts'
import { ErrorAlert } from './forms.tsx'

/** The name of a tier or an agent, and that it is retired. */
export function NameWithRetired({ name, isRetired }: { name: string; isRetired: boolean }) {
  const { t } = useTranslation()
  return (
    <Group gap="xs">
      <Text inherit>{name}</Text>
      {isRetired && (
        <Badge variant="outline" color="gray" tt="none">
          {t('fund.retired')}
        </Badge>
      )}
    </Group>
  )
}

export function RetiredSwitch({
  hint,
  isRetired,
  onChange,
}: {
  hint: string
  isRetired: boolean
  onChange: (isRetired: boolean) => void
}) {
  const { t } = useTranslation()
  return (
    <Switch
      label={t('fund.retired')}
      description={hint}
      checked={isRetired}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  )
}

/** Removes what was never used; otherwise the server refuses. */
export function RemoveUnused({ path, list, onDone }: { path: string; list: string; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const remove = useMutation({
    mutationFn: () => ask('DELETE', path),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: [list] })
      onDone()
    },
  })
  return (
    <>
      <ErrorAlert error={remove.error} />
      <Group justify="space-between">
        <Text size="sm" c="dimmed">
          {t('fund.removeHint')}
        </Text>
        <Button
          variant="subtle"
          color="red"
          size="xs"
          loading={remove.isPending}
          onClick={() => remove.mutate()}
        >
          {t('fund.remove')}
        </Button>
      </Group>
    </>
  )
}
