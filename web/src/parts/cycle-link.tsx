import { Anchor } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

/** To the page of a cycle. */
export function CycleLink({ cycleId, children }: { cycleId: string; children: ReactNode }) {
  return (
    <Anchor inherit renderRoot={(props) => <Link {...props} to="/cycles/$cycleId" params={{ cycleId }} />}>
      {children}
    </Anchor>
  )
}
