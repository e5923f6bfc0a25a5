import { Button, Group, Paper, Select, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type AuditEvent, withQuery } from '../api.ts'
import { date, instant, money, number } from '../format.ts'
import { DataTable } from '../parts/data-table.tsx'
import { List, useList } from '../parts/list.tsx'
import { useFund } from '../session.ts'
import texts from '../texts/en/audit.ts'

/** `2026-11-23T10:00`, as a control for it gives it, with the browser's offset at that time. */
function withOffset(local: string): string | undefined {
  const at = new Date(local)
  if (local === '' || Number.isNaN(at.getTime())) return undefined
  const minutes = -Math.round(at.getTimezoneOffset())
  const two = (value: number) => String(value).padStart(2, '0')
  const distance = Math.abs(minutes)
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(distance / 60))}:${two(distance % 60)}`
  return `${local.length === 'YYYY-MM-DDThh:mm'.length ? `${local}:00` : local}${offset}`
}

const everything = { actor: '', eventName: '', from: '', to: '' }

/** Hints stand below, so that the controls stand in one line. */
const hintBelow: ('label' | 'input' | 'description' | 'error')[] = ['label', 'input', 'description', 'error']

export function AuditPage() {
  const { t } = useTranslation()
  const [wanted, setWanted] = useState(everything)
  const want = (part: Partial<typeof everything>) => setWanted((former) => ({ ...former, ...part }))
  // Whoever types is not answered after each letter.
  const [asked] = useDebouncedValue(wanted, 400)
  const filter = {
    actor: asked.actor.trim() || undefined,
    eventName: asked.eventName || undefined,
    from: withOffset(asked.from),
    to: withOffset(asked.to),
  }
  const events = useList<AuditEvent>('/api/audit', filter)

  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{t('operations.auditTitle')}</Title>
        <Button component="a" href={withQuery('/api/audit.csv', filter)} download variant="default">
          {t('operations.exportCsv')}
        </Button>
      </Group>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }}>
        <TextInput
          label={t('operations.actor')}
          description={t('operations.actorHint')}
          inputWrapperOrder={hintBelow}
          maxLength={300}
          value={wanted.actor}
          onChange={(event) => want({ actor: event.currentTarget.value })}
        />
        <Select
          label={t('operations.eventName')}
          placeholder={t('shell.all')}
          data={Object.keys(texts.event).map((value) => ({ value, label: t(`operations.event.${value}`) }))}
          searchable
          clearable
          nothingFoundMessage={t('shell.nothing')}
          value={wanted.eventName || null}
          onChange={(eventName) => want({ eventName: eventName ?? '' })}
        />
        <TextInput
          label={t('operations.from')}
          description={t('operations.localTime')}
          inputWrapperOrder={hintBelow}
          type="datetime-local"
          min="1970-01-01T00:00"
          max="9999-12-31T23:59"
          value={wanted.from}
          onChange={(event) => want({ from: event.currentTarget.value })}
        />
        <TextInput
          label={t('operations.to')}
          description={t('operations.localTime')}
          inputWrapperOrder={hintBelow}
          type="datetime-local"
          min="1970-01-01T00:00"
          max="9999-12-31T23:59"
          value={wanted.to}
          onChange={(event) => want({ to: event.currentTarget.value })}
        />
      </SimpleGrid>
      {Object.values(wanted).some((part) => part !== '') && (
        <Group>
          <Button variant="subtle" onClick={() => setWanted(everything)}>
            {t('operations.clear')}
          </Button>
        </Group>
      )}
      <List of={events} empty={t('operations.noEvents')}>
        {(items) => (
          <Stack component="ol" gap="xs" p={0} m={0} role="list">
            {items.map((event) => (
              <EventCard key={event.eventId} event={event} />
            ))}
          </Stack>
        )}
      </List>
    </Stack>
  )
}

function EventCard({ event }: { event: AuditEvent }) {
  const { t } = useTranslation()
  const timeZone = useFund()?.timeZone ?? 'UTC'
  const { actor, role, via, address } = event
  const who = [
    role === null ? actor : `${actor} (${t(`operations.role.${role}`, { defaultValue: role })})`,
    via !== null && t('operations.via', { key: via }),
    address !== null && t('operations.address', { address }),
  ].filter((part) => part !== false)
  return (
    <Paper component="li" display="block" withBorder p="sm">
      <Group justify="space-between" gap="xs">
        <Text fw={600}>{t(`operations.event.${event.eventName}`, { defaultValue: event.eventName })}</Text>
        <Text component="time" dateTime={event.at} size="sm">
          {instant(event.at, timeZone)}
        </Text>
      </Group>
      <Text size="sm" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
        {who.join(' · ')}
      </Text>
      <Payload payload={event.payload} />
    </Paper>
  )
}

type Row = Record<string, unknown>

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function Payload({ payload }: { payload: Row }) {
  const { t } = useTranslation()
  const shown = useShownValue()
  const label = (field: string) => t(`operations.field.${field}`, { defaultValue: field })
  const before = isRow(payload.before) ? payload.before : undefined
  const after = isRow(payload.after) ? payload.after : undefined
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  const rest = Object.entries(payload).filter(([, value]) => value !== before && value !== after)
  return (
    <>
      {rest.length > 0 && (
        <Stack component="ul" gap={0} m={0} pl="md" aria-label={t('operations.details')}>
          {rest.map(([field, value]) => (
            <li key={field}>
              <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                {label(field)}: {shown(field, value)}
              </Text>
            </li>
          ))}
        </Stack>
      )}
      {fields.length > 0 && (
        <DataTable
          rows={fields}
          keyOf={(field) => field}
          columns={[
            { name: t('operations.fieldTitle'), show: (field) => label(field) },
            before !== undefined && {
              name: t('operations.before'),
              show: (field) => shown(field, before[field]),
            },
            {
              name: before ? t('operations.after') : t('operations.value'),
              show: (field) => shown(field, after?.[field]),
            },
          ]}
        />
      )}
    </>
  )
}

const amounts = ['amount', 'benefitAmount', 'contributionAmount', 'paymentLimit', 'roundingStep']

/** A value of a payload as somebody reads it. What only looks like a date is shown as it is. */
function useShownValue(): (field: string, value: unknown) => string {
  const { t } = useTranslation()
  const fund = useFund()
  return function shown(field, value): string {
    if (value === null || value === undefined || value === '') return t('operations.empty')
    if (typeof value === 'boolean') return t(value ? 'operations.yes' : 'operations.no')
    if (typeof value === 'number') {
      return fund && amounts.includes(field) ? money(value, fund) : number(value)
    }
    if (Array.isArray(value)) {
      return value.length === 0 ? t('operations.empty') : value.map((one) => shown(field, one)).join(', ')
    }
    if (isRow(value)) {
      return Object.entries(value)
        .map(([part, of]) => `${t(`operations.field.${part}`, { defaultValue: part })}: ${shown(part, of)}`)
        .join(', ')
    }
    if (typeof value !== 'string') return JSON.stringify(value)
    if (field === 'role') return t(`operations.role.${value}`, { defaultValue: value })
    if (!/^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(value)) return value
    if (Number.isNaN(Date.parse(value))) return value
    return value.includes('T') ? instant(value, fund?.timeZone ?? 'UTC') : date(value)
  }
}
