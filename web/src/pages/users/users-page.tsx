import { Stack, Tabs, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { ApiKeys } from './api-keys.tsx'
import { UsersList } from './users-list.tsx'

export function UsersPage() {
  const { t } = useTranslation()
  return (
    <Stack>
      <Title order={2}>{t('access.title')}</Title>
      <Tabs defaultValue="users" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="users">{t('access.users')}</Tabs.Tab>
          <Tabs.Tab value="keys">{t('access.keys')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="users">
          <UsersList />
        </Tabs.Panel>
        <Tabs.Panel value="keys">
          <ApiKeys />
        </Tabs.Panel>
      </Tabs>
    </Stack>
  )
}
