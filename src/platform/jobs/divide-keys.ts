import { type RawBuilder, sql } from 'kysely'
import type { Tx } from '../database/connect.ts'
import type { PlannedChunk } from './job-kind.ts'

/**
 * A set of uuids in ranges of `size` by key, the last one with what is left. Walks from boundary to boundary along the
 * index: each step skips `size - 1` entries and reads two, the end of its range and the start of the next.
 *
 * @param keys a relation of one column, in parentheses or a function's call; it must not change meanwhile
 * @param total how many there are
 */
export async function divideKeys(
  tx: Tx,
  keys: RawBuilder<unknown>,
  total: number,
  size: number,
): Promise<PlannedChunk[]> {
  const { rows } = await sql<Omit<PlannedChunk, 'expected'>>`
    with recursive walk (first_key, ends) as (
      select first.key, array(
        select e.key from ${keys} e (key) where e.key >= first.key order by e.key offset ${size - 1} limit 2
      )
      from (select e.key from ${keys} e (key) order by e.key limit 1) first
      union all
      select walk.ends[2], array(
        select e.key from ${keys} e (key) where e.key >= walk.ends[2] order by e.key offset ${size - 1} limit 2
      )
      from walk where walk.ends[2] is not null
    )
    select first_key, coalesce(ends[1], (select e.key from ${keys} e (key) order by e.key desc limit 1)) as last_key
    from walk order by first_key`.execute(tx)
  return rows.map((range, index) => ({
    ...range,
    expected: index < rows.length - 1 ? size : total - size * (rows.length - 1),
  }))
}
