import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey } from '../../src/access/api-keys.ts'
import { announceTo } from '../../src/events/announce.ts'
import { checkAnchor } from '../../src/operations/anchor.ts'
import { findGuards } from '../../src/operations/schema-guard-sql.ts'
import { guards } from '../../src/operations/schema-guards.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { runAlmoner } from '../support/almoner-process.ts'
import { activeCycle, openTestApi, type TestApi } from '../support/api-client.ts'
import { faultsIn } from '../support/doctor.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

let api: TestApi
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'almoner-doctor-'))
  api = await openTestApi({ worker: false })
  await registerTier(api.db, { members: 30 })
  await approveDeath(api.db, { number: 2 })
  const { claimId } = await approveDeath(api.db, { number: 1 })
  await activeCycle(api, claimId)
  const { rows } = await sql<{ userId: string }>`select id as user_id from users`.execute(api.db)
  const key = { userId: rows[0]?.userId ?? '', keyName: 'scanner', permissions: ['fund.read'] as const }
  const { keyId } = await createApiKey(
    { db: api.db, announce: announceTo([]) },
    { ...key, expiresAt: '2099-01-01T00:00:00+05:30', actor: operator('admin') },
  )
  await api.ask(`/api/api-keys/${keyId}`, { method: 'DELETE' })
})
afterAll(async () => {
  await api?.close()
  await rm(directory, { recursive: true, force: true })
})

const wrong = () => faultsIn(api.app)

const run = (statement: string) => sql.raw(statement).execute(api.db)

test('the doctor finds nothing wrong with what was written through Almoner', async () => {
  expect(await wrong()).toEqual([])
})

/** What is changed by hand; how it is put right again; what the doctor says. docs/security.md has the same names. */
const tampering: readonly (readonly [string, string, string, RegExp])[] = [
  [
    'a benefit is changed',
    'update claims set benefit_amount = benefit_amount + 1',
    'update claims set benefit_amount = benefit_amount - 1',
    /^claim CL-\d+-00001: benefitAmount as no event says$/,
  ],
  [
    'the name of the approver is changed',
    `update claims set approved_by = 'cli:clerk'`,
    `update claims set approved_by = e.actor from events e where e.subject = claim_id and event_name = 'ClaimApproved'`,
    /^claim .*: approvedBy as no event says$/,
  ],
  [
    'the amount of one contribution is changed',
    `update member_contributions set contribution_amount = 1 where member_id = (select min(member_id::text)::uuid from members
      where member_status = 'Active')`,
    'update member_contributions set contribution_amount = 10000',
    /^cycle .*"differing":1/,
  ],
  [
    'a contribution is waived',
    `update member_contributions set contribution_status = 'Waived' where member_id = (select min(member_id::text)::uuid
      from members where member_status = 'Active')`,
    `update member_contributions set contribution_status = 'Pending' where member_id = (select min(member_id::text)::uuid
      from members where member_status = 'Active')`,
    /^cycle .*"wronglyWaived":1/,
  ],
  [
    'the tallies of a cycle are changed',
    `insert into cycle_tallies select cycle_id, 31, -1, 1, 0, 0, 100 from contribution_cycles
      on conflict (cycle_id, shard) do update set pending = cycle_tallies.pending - 1, paid = cycle_tallies.paid + 1`,
    'update cycle_tallies set pending = pending + 1, paid = paid - 1, collected = 0 where shard = 31',
    /^cycle .*"paid":0/,
  ],
  [
    'the target of a cycle is changed',
    'update contribution_cycles set target_amount = target_amount * 2',
    'update contribution_cycles set target_amount = target_amount / 2',
    /^cycle .*: targetAmount as no event says$/,
  ],
  [
    'a user is given another role',
    `update users set role = 'auditor'`,
    `update users set role = 'admin'`,
    /^user admin@example.org: role as no event says$/,
  ],
  [
    'the setting self-approval is changed',
    'update fund set self_approval = false',
    'update fund set self_approval = true',
    /^the fund: selfApproval as no event says$/,
  ],
  [
    'the channels to members are changed',
    `update fund set member_channels = '{sms}'`,
    `update fund set member_channels = '{}'`,
    /^the fund: memberChannels as no event says$/,
  ],
  [
    'the amount of a tier is changed',
    'update tiers set contribution_amount = 5',
    'update tiers set contribution_amount = 10000',
    /^tier A: contributionAmount as no event says$/,
  ],
  [
    'an API key is added',
    `insert into api_keys (key_name, key_start, key_hash, permissions, user_id)
      select 'mine', 'alm_', sha256('x'), '{fund.read}', id from users`,
    `alter table api_keys disable trigger api_keys_kept; delete from api_keys where key_name = 'mine';
      alter table api_keys enable trigger api_keys_kept`,
    /^API key mine: it was never made, as far as events say$/,
  ],
  [
    'a revoked key is made valid again',
    `update api_keys set revoked_at = null where key_name = 'scanner'`,
    `update api_keys set revoked_at = now() where key_name = 'scanner'`,
    /^API key scanner: isRevoked as no event says$/,
  ],
  [
    'a claim is removed',
    `create table kept as select * from claims where claim_code like '%00001'; delete from claims where claim_code like '%00001'`,
    'insert into claims select * from kept; drop table kept',
    /^ClaimSubmitted .*: it is gone, as far as events say$/,
  ],
  [
    'a trigger is switched off',
    'alter table events disable trigger events_append_only',
    'alter table events enable trigger events_append_only',
    /^schema: the trigger events.events_append_only is missing or switched off$/,
  ],
  [
    'a trigger is replaced by one that does nothing',
    `alter function refuse_change rename to kept; create function refuse_change() returns trigger language plpgsql as
      $$ begin return null; end $$`,
    'drop function refuse_change; alter function kept rename to refuse_change',
    /^schema: the function refuse_change is missing or changed$/,
  ],
]

test.each(tampering)('by hand: %s', async (_what, tamper, mend, said) => {
  await run(tamper)
  const found = await wrong()
  await run(mend)
  expect(found).toContainEqual(expect.stringMatching(said))
  expect(await wrong()).toEqual([])
})

/** Each field that events tell of, changed in all its rows: a table, its key, the field, and another value. */
const fields: [table: string, key: string, column: string, value: string][] = [
  ['fund', 'only_row', 'name', `'Mine'`],
  ['fund', 'only_row', 'currency', `'EUR'`],
  ['fund', 'only_row', 'time_zone', `'Asia/Kolkata'`],
  ['fund', 'only_row', 'cycle_code_prefix', `'XX'`],
  ['fund', 'only_row', 'rounding_step', '7'],
  ['fund', 'only_row', 'notice_language', `'hi'`],
  ['fund', 'only_row', 'agent_channels', `'{sms}'`],
  ['fund', 'only_row', 'import_status_limit_percent', '100'],
  ['tiers', 'tier_id', 'benefit_amount', '5'],
  ['users', 'id', 'email', `'x' || email`],
  ['users', 'id', 'disabled_at', 'now()'],
  ['users', 'id', 'settled_at', 'now()'],
  ['api_keys', 'key_id', 'permissions', `'{fund.change}'`],
  ['api_keys', 'key_id', 'expires_at', `'2100-01-01'`],
  ['claims', 'claim_id', 'benefit_amount', '7'],
  ['claims', 'claim_id', 'date_of_death', `'2020-01-01'`],
  ['claims', 'claim_id', 'submitted_by', `'me'`],
  ['claims', 'claim_id', 'approved_by', `'me'`],
  ['claims', 'claim_id', 'joined_on', `'1999-01-01'`],
  ['claims', 'claim_id', 'in_standing', 'not in_standing'],
  ['contribution_cycles', 'cycle_id', 'cycle_code', `'CC-1999-00001'`],
  ['contribution_cycles', 'cycle_id', 'currency', `'EUR'`],
  ['contribution_cycles', 'cycle_id', 'currency_exponent', '0'],
  ['contribution_cycles', 'cycle_id', 'deadline', `'2099-01-01'`],
]

test.each(fields)('by hand: of %s (%s) the field %s', async (table, key, column, value) => {
  const name = column.replace(/_(\w)/g, (_match, letter: string) => letter.toUpperCase())
  await run(`create table kept as select * from ${table}; update ${table} set ${column} = ${value}`)
  const found = await wrong()
  await run(
    `update ${table} t set ${column} = k.${column} from kept k where k.${key} = t.${key}; drop table kept`,
  )
  expect(found.filter((fault) => fault.includes('as no event says')).join('\n')).toContain(name)
  expect(await wrong()).toEqual([])
})

const cut = 'the end of the audit trail is cut off'
test(`by hand: ${cut}`, async () => {
  const file = path.join(directory, 'anchor.json')
  const doctor = async () =>
    (await runAlmoner(['doctor', '--anchor', file], { DATABASE_URL: api.app.database.url })).code
  expect(await checkAnchor(api.db, file)).toBeUndefined()
  expect(await doctor()).toBe(0)
  await api.patch('/api/fund', { name: 'Another fund' })
  await api.patch('/api/fund', { name: 'Mutual aid fund' })
  expect(await checkAnchor(api.db, file)).toMatchObject({ ok: true })
  const before = await readFile(file, 'utf8')
  // While anything is wrong, the end that was right stays.
  await run('update tiers set contribution_amount = 5')
  expect(await doctor()).toBe(1)
  await run('update tiers set contribution_amount = 10000')
  expect(await readFile(file, 'utf8')).toBe(before)
  expect(await doctor()).toBe(0)
  const anchored = await readFile(file, 'utf8')
  expect(JSON.parse(anchored).position).toBeGreaterThan(JSON.parse(before).position)
  // As of a chain that was made anew: as long, and another.
  const { digest, ...rest } = JSON.parse(anchored)
  await writeFile(
    file,
    JSON.stringify({ ...rest, digest: digest.replace(/^./, digest.startsWith('0') ? '1' : '0') }),
  )
  expect(await checkAnchor(api.db, file)).toMatchObject({ ok: false })
  await writeFile(file, anchored)
  // Both are cut, so that the chain is whole again, and so is the row.
  await run(`
    set session_replication_role = replica;
    delete from event_chain where position > (select max(position) - 2 from event_chain);
    delete from events where event_id > (select max(event_id) from event_chain);
    set session_replication_role = origin`)
  expect(await wrong()).toEqual([])
  expect(await checkAnchor(api.db, file)).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/^the chain does not hold the \d+ events of .*: its end was cut off/),
  })
  expect(await doctor()).toBe(1)
  expect(await readFile(file, 'utf8')).toBe(anchored)
  expect(await readdir(directory)).toEqual(['anchor.json'])
  await writeFile(file, '{"position": 1}')
  await expect(checkAnchor(api.db, file)).rejects.toThrow('is no anchor')
})

test('docs/security.md lists all of this', async () => {
  const document = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8')
  const [, section = ''] = document.split('## Tampering that is tried')
  expect([...section.matchAll(/^\d+\. (.+)$/gm)].map(([, name]) => name)).toEqual([
    ...tampering.map(([name]) => name),
    cut,
  ])
})

test('the schema that the doctor expects is the one that the migrations make', async () => {
  const found = await findGuards(api.db)
  expect(guards).toEqual(found)
})
