import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { ask, type CreationProgress, type Cycle } from '../api.ts'

const cycles = '/api/contribution-cycles'
const again = 2_000

/** Whether nothing will change any more. */
function isOver({ status }: CreationProgress): boolean {
  return status !== 'Initializing'
}

/**
 * How far the creation is: by the event stream, and where that breaks off, by asking every 2 s until it can be opened
 * again. What is shown never goes back, though an answer may come late.
 *
 * @param cycleStatus as the page knows it: when it changes, as by a retry of a Failed cycle, it is followed anew
 */
export function useProgress(
  cycleId: string,
  cycleStatus: Cycle['cycleStatus'],
): CreationProgress | undefined {
  const queries = useQueryClient()
  const [progress, setProgress] = useState<CreationProgress>()
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new status starts it again.
  useEffect(() => {
    let source: EventSource | undefined
    let timer: number | undefined
    let left = false
    const take = (next: CreationProgress) => {
      if (left) return
      setProgress((before) =>
        before && !isOver(next) && next.progress.processed < before.progress.processed
          ? { ...next, progress: before.progress }
          : next,
      )
      if (isOver(next)) {
        source?.close()
        void queries.invalidateQueries({ queryKey: [cycles] })
      }
    }
    const follow = () => {
      if (left) return
      const opened = new EventSource(`${cycles}/${cycleId}/creation-progress/stream`)
      source = opened
      const read = (event: MessageEvent<string>) => take(JSON.parse(event.data) as CreationProgress)
      opened.addEventListener('progress', read)
      opened.addEventListener('end', (event) => {
        opened.close()
        read(event)
      })
      opened.onerror = () => {
        opened.close()
        void poll()
      }
    }
    const poll = async () => {
      try {
        const next = await ask<CreationProgress>('GET', `${cycles}/${cycleId}/creation-progress`)
        take(next)
        if (isOver(next)) return
      } catch {
        // The server is unreachable, or the session is over; the query of the cycle shows the error.
      }
      if (!left) timer = window.setTimeout(follow, again)
    }
    follow()
    return () => {
      left = true
      source?.close()
      window.clearTimeout(timer)
    }
  }, [cycleId, cycleStatus, queries])
  return progress
}
