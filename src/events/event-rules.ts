type Row = Readonly<Record<string, unknown>>

/** The changed fields, before and after. */
export function differences(before: Row, after: Row): { before: Row; after: Row } {
  const changed = Object.keys(after).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]) && key !== 'updatedAt',
  )
  const pick = (row: Row) => Object.fromEntries(changed.map((key) => [key, row[key]]))
  return { before: pick(before), after: pick(after) }
}

/** Moves these fields from `before` and `after` to `personal`, which is undefined when there are none. */
export function splitPersonal(
  payload: Row,
  fields: readonly string[],
): { readonly payload: Row; readonly personal: Row | undefined } {
  const kept: Record<string, unknown> = { ...payload }
  const personal: Record<string, unknown> = {}
  for (const part of ['before', 'after']) {
    const entries = Object.entries((payload[part] ?? {}) as Row)
    const taken = entries.filter(([name]) => fields.includes(name))
    if (taken.length === 0) continue
    personal[part] = Object.fromEntries(taken)
    kept[part] = Object.fromEntries(entries.filter(([name]) => !fields.includes(name)))
  }
  return { payload: kept, personal: Object.keys(personal).length > 0 ? personal : undefined }
}
