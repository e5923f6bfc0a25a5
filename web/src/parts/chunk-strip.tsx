import { Group, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { JobDetail } from '../api.ts'

const colors: Record<string, string> = {
  d: 'var(--mantine-color-green-6)',
  p: 'var(--mantine-color-gray-4)',
  f: 'var(--mantine-color-red-7)',
}

/** One cell for each chunk, in order: done, pending or failed. */
export function ChunkStrip({ job }: { job: Pick<JobDetail, 'chunks' | 'chunkStrip'> }) {
  const { t } = useTranslation()
  const { done, pending, failed } = job.chunks
  const sentence = t('cycles.parts', { done, pending, failed })
  const width = 100 / Math.max(1, job.chunkStrip.length)
  return (
    <div>
      <svg
        width="100%"
        height="20"
        role="img"
        aria-label={sentence}
        preserveAspectRatio="none"
        viewBox="0 0 100 20"
      >
        {[...job.chunkStrip].map((state, index) => (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a chunk is identified by its place.
            key={index}
            x={index * width}
            width={width * 0.92}
            // Different heights too, not only colours.
            y={state === 'd' ? 0 : state === 'f' ? 0 : 12}
            height={state === 'p' ? 8 : 20}
            fill={colors[state]}
          />
        ))}
      </svg>
      <Group justify="space-between">
        <Text size="sm">{sentence}</Text>
      </Group>
    </div>
  )
}
