import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { columnKey, type MemberColumn, memberFile } from '../../../../src/members/column-rules.ts'
import { ask, type FilePreview, type ImportProfile, withQuery } from '../../api.ts'

export type DateOrder = 'dmy' | 'mdy' | 'ymd'

/** What a column of the file is; `''`: it is left out; null: nobody has said it yet. */
export type Meaning = MemberColumn | '' | null

/** Of CSV the beginning tells how it is read; a workbook begins at its end. */
const seenBytes = 1_000_000

export interface FileColumn {
  readonly name: string
  readonly meaning: Meaning
}

/** How the chosen file is read, as it is seen and as somebody says. */
export interface Reading {
  readonly preview: {
    readonly data: FilePreview | undefined
    readonly error: unknown
    readonly isPending: boolean
  }
  /** The line that names the columns. */
  readonly headerLine: number | null
  readonly columns: readonly FileColumn[]
  readonly dates: DateOrder | null
  /** The name of the profile that is chosen. */
  readonly profile: string | null
  readonly missing: readonly MemberColumn[]
  readonly twice: readonly MemberColumn[]
  /** Names that nobody has explained. */
  readonly unsaid: readonly string[]
  /** What has to be said of the columns beside their names, each `Member No=memberCode`. */
  readonly map: readonly string[]
}

/** @param onChange is told whenever the file would be read otherwise */
export function useReading(file: File | null, onChange: () => void) {
  const [profile, setProfile] = useState<string | null>(null)
  const [headerLine, setHeaderLine] = useState<number | null>(null)
  const [said, setSaid] = useState<Readonly<Record<string, Meaning>>>({})
  const [dates, setDates] = useState<DateOrder | null>(null)
  const preview = useQuery({
    queryKey: ['/api/members/import/preview', file?.name, file?.size, file?.lastModified, profile],
    enabled: file !== null,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    queryFn: () => {
      const isWorkbook = /\.xlsx$/i.test(file?.name ?? '')
      const seen = isWorkbook ? file : file?.slice(0, seenBytes)
      return ask<FilePreview>('POST', withQuery('/api/members/import/preview', { profile }), seen)
    },
  })
  const line = headerLine ?? preview.data?.headerLine ?? null
  const header = preview.data?.rows.find((row) => row.line === line)
  const columns = (header?.fields ?? []).map((field, index): FileColumn => {
    const name = field.trim()
    return { name, meaning: said[name] ?? header?.columns[index] ?? null }
  })
  const meanings = columns
    .map(({ meaning }) => meaning)
    .filter((meaning) => meaning !== null && meaning !== '')
  const reading: Reading = {
    preview: { data: preview.data, error: preview.error, isPending: file !== null && preview.isPending },
    headerLine: line,
    columns,
    dates,
    profile,
    missing: memberFile.required.filter((column) => !meanings.includes(column)),
    twice: [...new Set(meanings.filter((meaning, index) => meanings.indexOf(meaning) !== index))],
    unsaid: columns.filter(({ meaning }) => meaning === null).map(({ name }) => name),
    map: [
      ...new Set(
        columns
          .filter(({ name, meaning }) => {
            const known = memberFile.known.get(columnKey(name))
            return meaning !== null && columnKey(name) !== '' && known !== (meaning === '' ? null : meaning)
          })
          .map(({ name, meaning }) => `${name}=${meaning}`),
      ),
    ],
  }
  const changing =
    <Args extends unknown[]>(change: (...args: Args) => void) =>
    (...args: Args) => {
      onChange()
      change(...args)
    }
  return {
    reading,
    say: changing((name: string, meaning: Meaning) => setSaid({ ...said, [name]: meaning })),
    leaveOut: changing((names: readonly string[]) =>
      setSaid({ ...said, ...Object.fromEntries(names.map((name) => [name, ''])) }),
    ),
    nameBy: changing(setHeaderLine),
    orderDates: changing(setDates),
    readAs: changing((chosen: ImportProfile | null) => {
      setProfile(chosen?.profileName ?? null)
      setDates(chosen?.dateOrder ?? null)
      setSaid({})
    }),
    /** Another file: what was said of the columns of the one before does not hold. */
    begin: changing(() => {
      setHeaderLine(null)
      setSaid({})
    }),
  }
}
