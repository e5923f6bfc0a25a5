import { Checkbox, Group } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { type PersonalChannel, personalChannels } from '../../../src/fund/fund-rules.ts'

/** A choice of channels, always in the same order. */
export function ChannelChoice(props: {
  label: string
  description?: ReactNode
  disabled?: boolean
  value: readonly PersonalChannel[]
  onChange: (channels: PersonalChannel[]) => void
}) {
  const { t } = useTranslation()
  const { label, description, disabled, value, onChange } = props
  return (
    <Checkbox.Group
      label={label}
      description={description}
      value={[...value]}
      onChange={(chosen) => onChange(personalChannels.filter((channel) => chosen.includes(channel)))}
    >
      <Group mt="xs">
        {personalChannels.map((channel) => (
          <Checkbox
            key={channel}
            value={channel}
            label={t(`notices.channel.${channel}`)}
            disabled={disabled ?? false}
          />
        ))}
      </Group>
    </Checkbox.Group>
  )
}
