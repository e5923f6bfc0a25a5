import { Button, Group, Modal, Select, Stack, Text, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Agent, ask } from '../api.ts'
import { number } from '../format.ts'
import { useAgents } from '../parts/choices.ts'
import { DataTable } from '../parts/data-table.tsx'
import { FormEnd } from '../parts/forms.tsx'
import { List, useList } from '../parts/list.tsx'
import { NameWithRetired, RemoveUnused, RetiredSwitch } from '../parts/retired.tsx'
import { useMay } from '../session.ts'

/** What is open: a new agent, one that is changed, or one whose members are moved. */
type Opened = { step: 'add' } | { step: 'change' | 'move'; agent: Agent }

export function AgentsList() {
  const { t } = useTranslation()
  const may = useMay()
  const agents = useList<Agent>('/api/agents')
  const [opened, setOpened] = useState<Opened>()
  const close = () => setOpened(undefined)
  const titles = {
    add: t('fund.addAgent'),
    change: opened?.step === 'change' ? t('fund.changeOf', { code: opened.agent.agentCode }) : '',
    move: opened?.step === 'move' ? t('fund.moveOf', { code: opened.agent.agentCode }) : '',
  }
  return (
    <Stack component="section" aria-labelledby="agents">
      <Group justify="space-between">
        <Title order={2} size="h3" id="agents">
          {t('fund.agents')}
        </Title>
        {may('members.change') && (
          <Button onClick={() => setOpened({ step: 'add' })}>{t('fund.addAgent')}</Button>
        )}
      </Group>
      <List of={agents} empty={t('fund.noAgents')}>
        {(items) => (
          <DataTable
            rows={items}
            keyOf={(agent) => agent.agentId}
            columns={[
              { name: t('shell.code'), as: 'code', show: (agent) => agent.agentCode },
              {
                name: t('shell.name'),
                show: (agent) => (
                  <NameWithRetired name={agent.fullName} isRetired={agent.retiredAt !== null} />
                ),
              },
              { name: t('shell.email'), show: (agent) => agent.email ?? t('fund.notGiven') },
              { name: t('shell.phone'), show: (agent) => agent.phone ?? t('fund.notGiven') },
              may('members.change') && {
                name: t('fund.actions'),
                show: (agent) => (
                  <Group gap="xs">
                    <Button
                      variant="default"
                      size="xs"
                      aria-label={t('fund.changeOf', { code: agent.agentCode })}
                      onClick={() => setOpened({ step: 'change', agent })}
                    >
                      {t('fund.change')}
                    </Button>
                    <Button
                      variant="default"
                      size="xs"
                      aria-label={t('fund.moveOf', { code: agent.agentCode })}
                      onClick={() => setOpened({ step: 'move', agent })}
                    >
                      {t('fund.move')}
                    </Button>
                  </Group>
                ),
              },
            ]}
          />
        )}
      </List>
      <Modal opened={opened !== undefined} onClose={close} title={opened && titles[opened.step]}>
        {opened?.step === 'add' && <AgentForm agent={undefined} onDone={close} />}
        {opened?.step === 'change' && <AgentForm agent={opened.agent} onDone={close} />}
        {opened?.step === 'move' && <MoveMembersForm agent={opened.agent} onDone={close} />}
      </Modal>
    </Stack>
  )
}

function AgentForm({ agent, onDone }: { agent: Agent | undefined; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [code, setCode] = useState('')
  const [name, setName] = useState(agent?.fullName ?? '')
  const [email, setEmail] = useState(agent?.email ?? '')
  const [phone, setPhone] = useState(agent?.phone ?? '')
  const [isRetired, setIsRetired] = useState(agent?.retiredAt != null)
  const save = useMutation({
    mutationFn: () => {
      const fields = { fullName: name.trim(), email: email.trim() || null, phone: phone.trim() || null }
      return agent
        ? ask<Agent>('PATCH', `/api/agents/${agent.agentId}`, { ...fields, isRetired })
        : ask<Agent>('POST', '/api/agents', { ...fields, agentCode: code.trim() })
    },
    onSuccess: ({ agentCode }) => {
      const message = t(agent ? 'shell.saved' : 'fund.agentAdded', { code: agentCode })
      notifications.show({ message, color: 'green' })
      onDone()
      return queries.invalidateQueries({ queryKey: ['/api/agents'] })
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
        {!agent && (
          <TextInput
            label={t('shell.code')}
            required
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
        )}
        <TextInput
          label={t('shell.name')}
          required
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          label={t('shell.email')}
          description={t('fund.optional')}
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <TextInput
          label={t('shell.phone')}
          description={t('fund.optional')}
          type="tel"
          value={phone}
          onChange={(event) => setPhone(event.currentTarget.value)}
        />
        {agent && (
          <RetiredSwitch hint={t('fund.agentRetiredHint')} isRetired={isRetired} onChange={setIsRetired} />
        )}
        <FormEnd of={save} verb={t('shell.save')} onCancel={onDone} />
        {agent && <RemoveUnused path={`/api/agents/${agent.agentId}`} list="/api/agents" onDone={onDone} />}
      </Stack>
    </form>
  )
}

/** Moves all members of the agent to another, in one step. */
function MoveMembersForm({ agent, onDone }: { agent: Agent; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const agents = useAgents()
  const [toAgentId, setToAgentId] = useState<string | null>(null)
  const move = useMutation({
    mutationFn: () =>
      ask<{ members: number }>('POST', `/api/agents/${agent.agentId}/move-members`, { toAgentId }),
    onSuccess: async ({ members }) => {
      notifications.show({
        message: t('fund.moved', { count: members, number: number(members) }),
        color: 'green',
      })
      await queries.invalidateQueries()
      onDone()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    move.mutate()
  }
  const others = (agents.data ?? []).filter(
    ({ agentId, retiredAt }) => agentId !== agent.agentId && retiredAt === null,
  )
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text>{t('fund.moveSays')}</Text>
        <Select
          label={t('fund.moveTo')}
          placeholder={t('fund.toNobody')}
          searchable
          clearable
          data={others.map(({ agentId, agentCode, fullName }) => ({
            value: agentId,
            label: `${agentCode} · ${fullName}`,
          }))}
          value={toAgentId}
          onChange={setToAgentId}
        />
        <FormEnd of={move} verb={t('fund.move')} onCancel={onDone} />
      </Stack>
    </form>
  )
}
