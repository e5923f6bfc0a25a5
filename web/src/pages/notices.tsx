import { Anchor, Button, Paper, Stack, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNews } from '../parts/news.ts'
import { Empty } from '../parts/states.tsx'

export function NoticesPage() {
  const { t } = useTranslation()
  const { news, markSeen } = useNews()
  const unseen = news.filter(({ isSeen }) => !isSeen).length
  // What is looked at is seen, and what comes while it is looked at too.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is another function each time.
  useEffect(() => {
    if (unseen > 0) markSeen()
  }, [unseen])
  return (
    <Stack>
      <Title order={2}>{t('shell.bell')}</Title>
      <AllowBrowser />
      {news.length === 0 && <Empty>{t('shell.nothingHappened')}</Empty>}
      {news.map(({ cycleId, sentence }) => (
        <Paper key={`${cycleId} ${sentence}`} withBorder p="md">
          <Anchor renderRoot={(props) => <Link {...props} to="/cycles/$cycleId" params={{ cycleId }} />}>
            {sentence}
          </Anchor>
        </Paper>
      ))}
    </Stack>
  )
}

/** Asks whether the browser may tell outside of the page, which it does not ask of its own accord. */
function AllowBrowser() {
  const { t } = useTranslation()
  const [canAsk, setCanAsk] = useState('Notification' in window && Notification.permission === 'default')
  if (!canAsk) return null
  const allow = async () => setCanAsk((await Notification.requestPermission()) === 'default')
  return (
    <Button variant="default" onClick={() => void allow()} style={{ alignSelf: 'start' }}>
      {t('shell.notify')}
    </Button>
  )
}
