import { Button, Modal } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ask } from '../../api.ts'
import { number } from '../../format.ts'
import { Confirmation } from '../../parts/forms.tsx'

/** While nothing rests on it; the server says when something does. */
export function UndoImport({ importId, onDone }: { importId: string; onDone: () => void }) {
  const { t } = useTranslation()
  const queries = useQueryClient()
  const [isAsked, setIsAsked] = useState(false)
  const undo = useMutation({
    mutationFn: () => ask<{ removed: number; restored: number }>('POST', `/api/imports/${importId}/undo`),
    onSuccess: async ({ removed, restored }) => {
      await queries.invalidateQueries()
      notifications.show({
        message: t('members.undone', { removed: number(removed), restored: number(restored) }),
        color: 'green',
      })
      onDone()
    },
  })
  return (
    <>
      <Button variant="default" onClick={() => setIsAsked(true)}>
        {t('members.undo')}
      </Button>
      <Modal opened={isAsked} onClose={() => setIsAsked(false)} title={t('members.undo')}>
        <Confirmation
          sentence={t('members.undoSays')}
          action={t('members.undo')}
          isDangerous
          isPending={undo.isPending}
          error={undo.error}
          onConfirm={() => undo.mutate()}
          onClose={() => setIsAsked(false)}
        />
      </Modal>
    </>
  )
}
