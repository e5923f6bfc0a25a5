import { Button, Group, Modal, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import type { Session } from '../../api.ts'
import { SecondFactor } from '../../parts/second-factor.tsx'

const sessionsPath = '/api/sessions'

export function SecondFactorState({ session }: { session: Session }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [opened, { open, close }] = useDisclosure()
  const onEnrolled = () => {
    close()
    notifications.show({ message: t('access.enrolled'), color: 'green' })
    void queries.invalidateQueries({ queryKey: ['session'] })
    void queries.invalidateQueries({ queryKey: [sessionsPath] })
  }
  return (
    <>
      {session.secondFactor ? (
        <>
          <Text>{t('access.secondFactorOn')}</Text>
          <Text size="sm" c="dimmed">
            {t('access.secondFactorLost')}
          </Text>
        </>
      ) : (
        <>
          <Text>{t('access.secondFactorOff')}</Text>
          <Group>
            <Button onClick={open}>{t('access.enrol')}</Button>
          </Group>
        </>
      )}
      <Modal opened={opened} onClose={close} title={t('access.enrol')} closeOnClickOutside={false}>
        <SecondFactor onEnrolled={onEnrolled} />
      </Modal>
    </>
  )
}
