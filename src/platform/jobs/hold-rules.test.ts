import { expect, test } from 'vitest'
import { holdReason } from './hold-rules.ts'

const limits = { replicationLagMb: 256, lockWaits: 20, checkpointSeconds: 30 }
const well = { replica: { name: 'east', lagMb: 256 }, lockWaits: 20, checkpointSeconds: 30 }

test('at its limits a database is still accepted, and a server without replicas is never behind', () => {
  expect(holdReason(well, limits)).toBeUndefined()
  expect(holdReason({ ...well, replica: undefined }, limits)).toBeUndefined()
})

test.each([
  [{ replica: { name: 'east', lagMb: 257.4 } }, 'the replica east is 257 MB behind (limit 256 MB)'],
  [{ lockWaits: 21 }, '21 sessions wait for a lock (limit 20)'],
  [{ checkpointSeconds: 31.2 }, 'a checkpoint has been waiting for the disk for 31 s (limit 30 s)'],
])('beyond a limit the reason is said with both figures', (worse, reason) => {
  expect(holdReason({ ...well, ...worse }, limits)).toBe(reason)
})
