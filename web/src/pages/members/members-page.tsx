import { Anchor, Button, Group, Modal, Select, SimpleGrid, Stack, TextInput, Title } from '@mantine/core'
import { useDebouncedValue, useDisclosure } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { memberStatuses } from '../../../../src/members/member-rules.ts'
import type { Member } from '../../api.ts'
import { date } from '../../format.ts'
import { useTiers } from '../../parts/choices.ts'
import { DataTable } from '../../parts/data-table.tsx'
import { List, useList } from '../../parts/list.tsx'
import { useMay } from '../../session.ts'
import { MemberChip } from './member-chip.tsx'
import { MemberForm, tierChoice } from './member-form.tsx'

const members = '/api/members'

export function MembersPage() {
  const { t } = useTranslation()
  const may = useMay()
  const tiers = useTiers()
  const [isAdding, adding] = useDisclosure()
  const [search, setSearch] = useState('')
  const [status, setStatus] = useState<string | null>(null)
  const [tierId, setTierId] = useState<string | null>(null)
  const [searched] = useDebouncedValue(search.trim(), 300)
  const list = useList<Member>(members, {
    q: searched || undefined,
    status: status ?? undefined,
    tierId: tierId ?? undefined,
  })
  const isFiltered = searched !== '' || status !== null || tierId !== null
  const clearing = { clearable: true, clearButtonProps: { 'aria-label': t('members.clear') } }
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{t('members.title')}</Title>
        <Group gap="xs">
          {may('members.import') && (
            <Button component={Link} to="/members/import" variant="default">
              {t('members.import')}
            </Button>
          )}
          {may('members.change') && <Button onClick={adding.open}>{t('members.add')}</Button>}
        </Group>
      </Group>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} role="search" aria-label={t('shell.search')}>
        <TextInput
          label={t('members.search')}
          type="search"
          maxLength={100}
          autoComplete="off"
          spellCheck={false}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <Select
          label={t('shell.status')}
          placeholder={t('shell.all')}
          data={memberStatuses.map((one) => ({ value: one, label: t(`members.status.${one}`) }))}
          value={status}
          onChange={setStatus}
          {...clearing}
        />
        {may('fund.read') && (
          <Select
            label={t('members.tier')}
            placeholder={t('shell.all')}
            data={(tiers.data ?? []).map(tierChoice)}
            value={tierId}
            onChange={setTierId}
            searchable
            nothingFoundMessage={t('members.nothingFound')}
            {...clearing}
          />
        )}
      </SimpleGrid>
      <List of={list} empty={t(isFiltered ? 'members.noMatch' : 'members.empty')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={(member) => member.memberId}
            columns={[
              {
                name: t('shell.code'),
                show: (member) => (
                  <Anchor
                    inherit
                    className="code"
                    renderRoot={(props) => (
                      <Link {...props} to="/members/$memberId" params={{ memberId: member.memberId }} />
                    )}
                  >
                    {member.memberCode}
                  </Anchor>
                ),
              },
              { name: t('shell.name'), show: (member) => member.fullName },
              { name: t('shell.status'), show: (member) => <MemberChip status={member.memberStatus} /> },
              { name: t('members.tier'), as: 'code', show: (member) => member.tierCode },
              { name: t('members.agent'), as: 'code', show: (member) => member.agentCode ?? t('shell.none') },
              { name: t('members.joinedOn'), as: 'code', show: (member) => date(member.joinedOn) },
            ]}
          />
        )}
      </List>
      <Modal opened={isAdding} onClose={adding.close} title={t('members.add')}>
        <MemberForm onDone={adding.close} />
      </Modal>
    </Stack>
  )
}
