import { Badge, Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { ask, type LiveSession } from '../../api.ts'
import { instant } from '../../format.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { ErrorAlert } from '../../parts/forms.tsx'
import { Loaded } from '../../parts/states.tsx'
import { useChangeOfSession } from '../../session.ts'
import { BrowserName } from './browser-name.tsx'

const sessionsPath = '/api/sessions'

export function SessionsList() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const renew = useChangeOfSession()
  const list = useQuery({
    queryKey: [sessionsPath],
    queryFn: () => ask<{ items: LiveSession[] }>('GET', sessionsPath),
  })
  const end = useMutation({
    mutationFn: ({ sessionId }: LiveSession) => ask('DELETE', `${sessionsPath}/${sessionId}`),
    onSuccess: async (_, { current }) => {
      notifications.show({ message: t('access.ended'), color: 'green' })
      if (!current) return queries.invalidateQueries({ queryKey: [sessionsPath] })
      await renew()
      await navigate({ to: '/sign-in' })
    },
  })
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  return (
    <>
      <ErrorAlert error={end.error} />
      <Loaded of={list}>
        {({ items }) => (
          <DataTable
            rows={items}
            keyOf={(one) => one.sessionId}
            columns={[
              { name: t('access.since'), show: (one) => instant(one.createdAt, timeZone) },
              { name: t('access.lastUsed'), show: (one) => instant(one.updatedAt, timeZone) },
              { name: t('access.from'), show: (one) => one.ipAddress || t('access.unknown') },
              {
                name: t('access.browser'),
                show: (one) => (
                  <>
                    <BrowserName userAgent={one.userAgent ?? ''} />
                    {one.current && <Badge ml="xs">{t('access.thisOne')}</Badge>}
                  </>
                ),
              },
              {
                name: t('access.end'),
                show: (one) => (
                  <Button
                    size="xs"
                    variant="default"
                    aria-label={t('access.endThis', { at: instant(one.createdAt, timeZone) })}
                    loading={end.isPending && end.variables.sessionId === one.sessionId}
                    onClick={() => end.mutate(one)}
                  >
                    {t('access.end')}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </>
  )
}
