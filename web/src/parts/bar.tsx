import { Progress } from '@mantine/core'

/** How far something is. It is read out as the sentence: of itself the library's bar says the percentage and no more. */
export function Bar({
  label,
  percent,
  sentence,
  color,
  isMoving = false,
}: {
  label: string
  percent: number
  sentence: string
  color: string
  isMoving?: boolean
}) {
  return (
    <Progress.Root size="xl">
      <Progress.Section
        value={percent}
        color={color}
        animated={isMoving}
        withAria={false}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={sentence}
      />
    </Progress.Root>
  )
}
