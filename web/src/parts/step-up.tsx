import { lazy, Suspense, useEffect, useState } from 'react'
import { stepUpWith } from '../api.ts'

// Seldom needed, and as large as a page.
const StepUpDialog = lazy(async () => ({ default: (await import('./step-up-dialog.tsx')).StepUpDialog }))

/**
 * Asks for password and code once more when the server wants them for what the user is about to do. That is then asked for
 * again by itself.
 *
 * @param hasSecondFactor whether a code is asked for too
 */
export function StepUp({ hasSecondFactor }: { hasSecondFactor: boolean }) {
  const [asked, setAsked] = useState<{ answer: (isConfirmed: boolean) => void }>()
  useEffect(() => stepUpWith(() => new Promise((answer) => setAsked({ answer }))), [])
  if (!asked) return null
  return (
    <Suspense>
      <StepUpDialog
        hasSecondFactor={hasSecondFactor}
        onAnswer={(isConfirmed) => {
          setAsked(undefined)
          asked.answer(isConfirmed)
        }}
      />
    </Suspense>
  )
}
