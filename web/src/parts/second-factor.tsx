import { Button, Code, Group, Image, PasswordInput, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { ask, type Enrolment } from '../api.ts'
import { useSession } from '../session.ts'
import { CopyValue, ErrorAlert, fieldOf, focus } from './forms.tsx'

/** Apps show codes in groups; the server takes them without the spaces. */
export function codeOf(form: HTMLFormElement): string {
  return fieldOf(form, 'code').replace(/\s/g, '')
}

/** From the password to the first code, which completes the enrolment. */
export function SecondFactor({ onEnrolled }: { onEnrolled: () => void }) {
  const { t } = useTranslation()
  const begin = useMutation({
    mutationFn: (password: string) => ask<Enrolment>('POST', '/api/session/second-factor', { password }),
  })
  if (begin.data) return <ConfirmSecondFactor enrolment={begin.data} onEnrolled={onEnrolled} />
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        begin.mutate(fieldOf(event.currentTarget, 'password'))
      }}
    >
      <Stack>
        <Text>{t('access.enrolSays')}</Text>
        <PasswordInput
          ref={focus}
          data-autofocus
          name="password"
          label={t('access.passwordAgain')}
          autoComplete="current-password"
          maxLength={128}
          required
        />
        <ErrorAlert error={begin.error} />
        <Button type="submit" loading={begin.isPending}>
          {t('access.showPicture')}
        </Button>
      </Stack>
    </form>
  )
}

function ConfirmSecondFactor({ enrolment, onEnrolled }: { enrolment: Enrolment; onEnrolled: () => void }) {
  const { t } = useTranslation()
  const { data: session } = useSession()
  const { totpUri, qrCode, backupCodes } = enrolment
  const confirm = useMutation({
    mutationFn: (code: string) => ask('POST', '/api/session/second-factor/code', { code }),
    onSuccess: onEnrolled,
  })
  const heading = t('access.backupFile', { email: session?.email ?? '' })
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        confirm.mutate(codeOf(event.currentTarget))
      }}
    >
      <Stack>
        {/* Not the field of the code, because that would scroll past the picture. */}
        <Text ref={focus} tabIndex={-1}>
          {t('access.readPicture')}
        </Text>
        <Image
          src={`data:image/svg+xml,${encodeURIComponent(qrCode)}`}
          alt={t('access.picture')}
          w={200}
          h={200}
          bg="white"
          mx="auto"
        />
        <Text>
          {t('access.orKey')} <Code>{grouped(new URL(totpUri).searchParams.get('secret') ?? '')}</Code>
        </Text>
        <Text>{t('access.backupCodes')}</Text>
        <SimpleGrid cols={2} spacing="xs" verticalSpacing={4}>
          {backupCodes.map((code) => (
            <Text key={code} className="code" size="sm">
              {code}
            </Text>
          ))}
        </SimpleGrid>
        <Group>
          <CopyValue value={backupCodes.join('\n')} />
          <Button
            variant="default"
            onClick={() => download('almoner-backup-codes.txt', [heading, '', ...backupCodes, ''].join('\n'))}
          >
            {t('access.download')}
          </Button>
        </Group>
        <TextInput
          name="code"
          label={t('access.codeOfApp')}
          autoComplete="one-time-code"
          inputMode="numeric"
          minLength={6}
          maxLength={20}
          required
        />
        <ErrorAlert error={confirm.error} />
        <Button type="submit" loading={confirm.isPending}>
          {t('access.goOn')}
        </Button>
      </Stack>
    </form>
  )
}

/** In groups of four, which are easier to type and can wrap. */
function grouped(key: string): string {
  return key.match(/.{1,4}/g)?.join(' ') ?? ''
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
