import {
  Alert,
  Anchor,
  Button,
  Group,
  Paper,
  Select,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type LetterLanguage, letterLanguages } from '../../../src/fund/fund-rules.ts'
import {
  type LetterForm,
  type LetterKind,
  letterKinds,
  letters,
  maxShortChars,
  partsOf,
} from '../../../src/notices/letter-rules.ts'
import { ask, type NoticeTemplate, type WrittenLetter } from '../api.ts'
import { number } from '../format.ts'
import { Facts } from '../parts/facts.tsx'
import { ErrorAlert } from '../parts/forms.tsx'
import { Loaded, useSentence } from '../parts/states.tsx'
import { useFund } from '../session.ts'
import { languages } from '../texts.ts'

const templates = '/api/notice-templates'

/** The wording of the letters, each with a preview. */
export function TemplatesPage() {
  const { t } = useTranslation()
  const fund = useFund()
  const [kind, setKind] = useState<LetterKind>('agent-digest')
  const [wanted, setWanted] = useState<LetterForm>('letter')
  const forms = letters.filter(({ noticeKind }) => noticeKind === kind).map(({ form }) => form)
  const form = forms.includes(wanted) ? wanted : 'letter'
  const [chosen, setChosen] = useState<LetterLanguage>()
  const language = chosen ?? fund?.noticeLanguage ?? 'en'
  const list = useQuery({
    queryKey: [templates],
    queryFn: () => ask<{ items: NoticeTemplate[] }>('GET', templates),
  })
  return (
    <Stack>
      <Title order={2}>{t('notices.templates')}</Title>
      <Text c="dimmed">{t('notices.templatesSay')}</Text>
      <Group>
        <Select
          label={t('notices.letter')}
          miw={280}
          allowDeselect={false}
          data={(Object.keys(letterKinds) as LetterKind[]).map((value) => ({
            value,
            label: t(`notices.kind.${value}`),
          }))}
          value={kind}
          onChange={(value) => setKind(value as LetterKind)}
        />
        {forms.length > 1 && (
          <Select
            label={t('notices.form')}
            allowDeselect={false}
            data={forms.map((value) => ({ value, label: t(`notices.forms.${value}`) }))}
            value={form}
            onChange={(value) => setWanted(value as LetterForm)}
          />
        )}
        <Select
          label={t('shell.language')}
          allowDeselect={false}
          data={letterLanguages.map((value) => ({ value, label: languages[value] }))}
          value={language}
          onChange={(value) => setChosen(value as LetterLanguage)}
        />
      </Group>
      {fund && fund.noticeLanguage !== language && (
        <Text c="dimmed">{t('notices.otherLanguage', { language: languages[fund.noticeLanguage] })}</Text>
      )}
      <Loaded of={list}>
        {({ items }) => {
          const template = items.find(
            (one) => one.noticeKind === kind && one.form === form && one.language === language,
          )
          return template && <TemplateForm key={`${kind} ${form} ${language}`} template={template} />
        }}
      </Loaded>
    </Stack>
  )
}

function TemplateForm({ template }: { template: NoticeTemplate }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const { noticeKind, form, language } = template
  const [draft, setDraft] = useState<{ subject?: string; body?: string }>({})
  const words = { subject: draft.subject ?? template.subject, body: draft.body ?? template.body }
  const isChanged = words.subject !== template.subject || words.body !== template.body
  const path = `${templates}/${noticeKind}/${form}/${language}`
  const done = () => {
    setDraft({})
    notifications.show({ message: t('shell.saved'), color: 'green' })
    return queries.invalidateQueries({ queryKey: [templates] })
  }
  const save = useMutation({ mutationFn: () => ask('PUT', path, words), onSuccess: done })
  const reset = useMutation({ mutationFn: () => ask('DELETE', path), onSuccess: done })
  const { variables, required } = letterKinds[noticeKind]
  return (
    <div className="beside">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <Stack>
          {form === 'letter' && (
            <TextInput
              label={t('notices.subject')}
              required
              maxLength={300}
              value={words.subject}
              onChange={(event) => {
                const subject = event.currentTarget.value
                setDraft((former) => ({ ...former, subject }))
              }}
            />
          )}
          <Textarea
            label={t('notices.body')}
            description={
              form === 'letter'
                ? t('notices.bodyHint')
                : t('notices.shortHint', { max: number(maxShortChars) })
            }
            required
            autosize
            minRows={form === 'letter' ? 12 : 5}
            maxRows={30}
            maxLength={10_000}
            value={words.body}
            onChange={(event) => {
              const body = event.currentTarget.value
              setDraft((former) => ({ ...former, body }))
            }}
          />
          <Text size="sm">
            {t('notices.values')}{' '}
            {variables.map((name) => (
              <code key={name} className="value">
                {`{{ ${name} }}`}
                {required[form]?.includes(name) && ' *'}
              </code>
            ))}
          </Text>
          <Text size="sm" c="dimmed">
            {t('notices.requiredValues')}
          </Text>
          <ErrorAlert error={save.error ?? reset.error} />
          <Group>
            <Button type="submit" loading={save.isPending} disabled={!isChanged}>
              {t('shell.save')}
            </Button>
            {isChanged && (
              <Button
                variant="default"
                onClick={() => {
                  setDraft({})
                  save.reset()
                }}
              >
                {t('fund.discard')}
              </Button>
            )}
            {!isChanged && template.updatedAt !== null && (
              <Button variant="default" loading={reset.isPending} onClick={() => reset.mutate()}>
                {t('notices.resetTemplate')}
              </Button>
            )}
          </Group>
        </Stack>
      </form>
      <TemplatePreview of={{ noticeKind, form, language, ...words }} />
    </div>
  )
}

function TemplatePreview({ of }: { of: Omit<NoticeTemplate, 'updatedAt'> }) {
  const { t } = useTranslation()
  const sentence = useSentence()
  const [template] = useDebouncedValue(of, 400)
  const preview = useQuery({
    queryKey: [templates, 'preview', template],
    queryFn: () => ask<WrittenLetter>('POST', `${templates}/preview`, template),
    placeholderData: keepPreviousData,
    retry: false,
  })
  const letter = preview.data
  return (
    <section aria-label={t('notices.preview')}>
      <Stack>
        <Title order={3} size="h4">
          {t('notices.preview')}
        </Title>
        {preview.error ? (
          <Alert color="red" role="status">
            {sentence(preview.error)}
          </Alert>
        ) : (
          letter && (
            <>
              <Text size="sm" c="dimmed">
                {t(letter.isInvented ? 'notices.invented' : 'notices.newest')}
              </Text>
              <Paper withBorder p="md" lang={template.language}>
                <Stack gap="sm">
                  {letter.subject !== '' && <Text fw={700}>{letter.subject}</Text>}
                  <LetterText text={letter.text} link={letter.link} />
                </Stack>
              </Paper>
            </>
          )
        )}
      </Stack>
    </section>
  )
}

/** The letter like its HTML, in the style of the console. */
function LetterText({ text, link }: { text: string; link: string }) {
  return partsOf(text, link).map((part, index) => {
    const key = `${index}`
    if ('facts' in part) return <Facts key={key} rows={part.facts} />
    if ('linkWords' in part) {
      return (
        <Anchor key={key} href={link}>
          {part.linkWords}
        </Anchor>
      )
    }
    return (
      <Text key={key} style={{ whiteSpace: 'pre-line' }}>
        {part.lines.join('\n')}
      </Text>
    )
  })
}
