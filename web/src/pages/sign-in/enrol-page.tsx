import { Button, Stack } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { ask } from '../../api.ts'
import { ErrorAlert } from '../../parts/forms.tsx'
import { SecondFactor } from '../../parts/second-factor.tsx'
import { useChangeOfSession } from '../../session.ts'
import { SignInCard } from './sign-in-card.tsx'

/** For a session that must enrol a second factor first. */
export function EnrolPage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const queries = useQueryClient()
  const renew = useChangeOfSession()
  const signOut = useMutation({
    mutationFn: () => ask('DELETE', '/api/session'),
    onSuccess: async () => {
      await renew()
      await navigate({ to: '/sign-in' })
    },
  })
  return (
    <SignInCard>
      <Stack>
        {/* The same user, so only the session is loaded again. */}
        <SecondFactor onEnrolled={() => void queries.invalidateQueries({ queryKey: ['session'] })} />
        <ErrorAlert error={signOut.error} />
        <Button variant="subtle" loading={signOut.isPending} onClick={() => signOut.mutate()}>
          {t('shell.signOut')}
        </Button>
      </Stack>
    </SignInCard>
  )
}
