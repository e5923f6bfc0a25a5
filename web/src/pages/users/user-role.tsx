import { Radio, Select, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Role } from '../../../../src/access/permission-rules.ts'
import { useAgents } from '../../parts/choices.ts'
import { Loaded } from '../../parts/states.tsx'

const roles = Object.keys({
  admin: true,
  treasurer: true,
  cashier: true,
  clerk: true,
  agent: true,
  auditor: true,
} satisfies Record<Role, true>) as Role[]

export interface UserRole {
  role: Role
  agentId: string | null
}

/** The role, and for the role agent whose members the user sees. */
export function UserRoleFields({
  value: { role, agentId },
  onChange,
}: {
  value: UserRole
  onChange: (value: UserRole) => void
}) {
  const { t } = useTranslation()
  return (
    <>
      <Radio.Group
        label={t('access.role')}
        value={role}
        onChange={(chosen) => onChange({ role: chosen as Role, agentId: null })}
      >
        <Stack gap="xs" mt="xs">
          {roles.map((one) => (
            <Radio
              key={one}
              value={one}
              label={t(`access.roles.${one}`)}
              description={t(`access.roleSays.${one}`)}
            />
          ))}
        </Stack>
      </Radio.Group>
      {role === 'agent' && (
        <AgentField value={agentId} onChange={(chosen) => onChange({ role, agentId: chosen })} />
      )}
    </>
  )
}

function AgentField({
  value,
  onChange,
}: {
  value: string | null
  onChange: (agentId: string | null) => void
}) {
  const { t } = useTranslation()
  const agents = useAgents()
  return (
    <Loaded of={agents}>
      {(all) => (
        <Select
          label={t('access.chooseAgent')}
          data={all.map(({ agentId, agentCode, fullName }) => ({
            value: agentId,
            label: `${agentCode} · ${fullName}`,
          }))}
          value={value}
          onChange={onChange}
          nothingFoundMessage={t('access.noAgent')}
          autoComplete="off"
          limit={100}
          searchable
          required
        />
      )}
    </Loaded>
  )
}
