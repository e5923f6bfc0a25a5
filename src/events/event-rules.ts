type Row = Readonly<Record<string, unknown>>

/** What a change has changed, as it was and as it is. */
export function differences(before: Row, after: Row): { before: Row; after: Row } {
  const changed = Object.keys(after).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]) && key !== 'updatedAt',
  )
  const pick = (row: Row) => Object.fromEntries(changed.map((key) => [key, row[key]]))
  return { before: pick(before), after: pick(after) }
}
