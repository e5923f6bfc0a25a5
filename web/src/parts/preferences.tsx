import { Button, Group, Select, Stack } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type LetterLanguage, letterLanguages } from '../../../src/fund/fund-rules.ts'
import { ask, type NoticePreferences } from '../api.ts'
import { languages } from '../texts.ts'
import { ChannelChoice } from './channel-choice.tsx'
import { ErrorAlert } from './forms.tsx'
import { Loaded } from './states.tsx'

/**
 * How somebody is written to.
 *
 * @param path where it is kept
 */
export function Preferences({ path, readOnly = false }: { path: string; readOnly?: boolean }) {
  const kept = useQuery({ queryKey: [path], queryFn: () => ask<NoticePreferences>('GET', path) })
  return (
    <Loaded of={kept}>{(data) => <PreferencesForm path={path} kept={data} readOnly={readOnly} />}</Loaded>
  )
}

function PreferencesForm(props: { path: string; kept: NoticePreferences; readOnly: boolean }) {
  const { path, kept, readOnly } = props
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [draft, setDraft] = useState<Partial<NoticePreferences>>({})
  const shown = { ...kept, ...draft }
  const isChanged =
    shown.language !== kept.language || String(shown.refusedChannels) !== String(kept.refusedChannels)
  const save = useMutation({
    mutationFn: () => ask<NoticePreferences>('PUT', path, shown),
    onSuccess: (saved) => {
      queries.setQueryData([path], saved)
      setDraft({})
      notifications.show({ message: t('shell.saved'), color: 'green' })
    },
  })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <Stack>
        <Select
          label={t('shell.language')}
          maw="26rem"
          allowDeselect={false}
          readOnly={readOnly}
          data={[
            { value: '', label: t('notices.fundLanguage') },
            ...letterLanguages.map((value) => ({ value, label: languages[value] })),
          ]}
          value={shown.language ?? ''}
          onChange={(value) =>
            setDraft((former) => ({ ...former, language: value ? (value as LetterLanguage) : null }))
          }
        />
        <ChannelChoice
          label={t('notices.refused')}
          description={t('notices.refusedHint')}
          disabled={readOnly}
          value={shown.refusedChannels}
          onChange={(refusedChannels) => setDraft((former) => ({ ...former, refusedChannels }))}
        />
        <ErrorAlert error={save.error} />
        {!readOnly && (
          <Group>
            <Button type="submit" loading={save.isPending} disabled={!isChanged}>
              {t('shell.save')}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  )
}
