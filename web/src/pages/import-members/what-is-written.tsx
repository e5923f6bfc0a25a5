import { Checkbox, Group, Radio } from '@mantine/core'
import { useTranslation } from 'react-i18next'

/** What becomes of members who are there, and of tiers and agents who are not. */
export interface Wishes {
  readonly onDuplicate: 'skip' | 'update'
  readonly blank: 'keep' | 'erase'
  readonly createAgents: boolean
  readonly createTiers: boolean
}

export const firstWishes: Wishes = {
  onDuplicate: 'skip',
  blank: 'keep',
  createAgents: false,
  createTiers: false,
}

export function WhatIsWritten({
  wishes,
  disabled,
  onChange,
}: {
  wishes: Wishes
  disabled: boolean
  onChange: (wishes: Wishes) => void
}) {
  const { t } = useTranslation()
  return (
    <>
      <Radio.Group
        label={t('members.onDuplicate')}
        value={wishes.onDuplicate}
        onChange={(value) => onChange({ ...wishes, onDuplicate: value as Wishes['onDuplicate'] })}
      >
        <Group mt="xs">
          {(['skip', 'update'] as const).map((one) => (
            <Radio key={one} value={one} label={t(`members.duplicate.${one}`)} disabled={disabled} />
          ))}
        </Group>
      </Radio.Group>
      {wishes.onDuplicate === 'update' && (
        <Radio.Group
          label={t('members.blank')}
          value={wishes.blank}
          onChange={(value) => onChange({ ...wishes, blank: value as Wishes['blank'] })}
        >
          <Group mt="xs">
            {(['keep', 'erase'] as const).map((one) => (
              <Radio key={one} value={one} label={t(`members.blanks.${one}`)} disabled={disabled} />
            ))}
          </Group>
        </Radio.Group>
      )}
      {(['createAgents', 'createTiers'] as const).map((one) => (
        <Checkbox
          key={one}
          label={t(`members.${one}`)}
          checked={wishes[one]}
          disabled={disabled}
          onChange={(event) => onChange({ ...wishes, [one]: event.currentTarget.checked })}
        />
      ))}
    </>
  )
}
