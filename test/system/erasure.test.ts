import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClaimView } from '../../src/claims/claim-sql.ts'
import { findBrokenLinks } from '../../src/events/event-sql.ts'
import { changeFund } from '../../src/fund/change-fund.ts'
import type { ErasureRequest } from '../../src/members/erasure-sql.ts'
import type { MemberView } from '../../src/members/member-sql.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { runAlmoner } from '../support/almoner-process.ts'
import {
  activeCycle,
  memberCode,
  openTestApi,
  type Page,
  refusal,
  type TestApi,
} from '../support/api-client.ts'
import { signedIn, type Visitor } from '../support/browser-client.ts'
import { faultsIn, findings } from '../support/doctor.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'

let api: TestApi
let tierId: string
/** Two persons, who have just given password and code. */
let admin: Visitor
let treasurer: Visitor
beforeAll(async () => {
  api = await openTestApi({ worker: false })
  await changeFund(api.app, { changes: { selfApproval: false }, actor: operator('admin') })
  tierId = await registerTier(api.db, { members: 10 })
  admin = await signedIn(api, 'admin')
  treasurer = await signedIn(api, 'treasurer')
})
afterAll(() => api?.close())

const secret = 'Rukmini Devi Chattopadhyay'
let nextNumber = 1
/** A member who has left, and whom everything says something of. */
async function addLeaver(): Promise<MemberView> {
  const member = {
    memberCode: `L-${nextNumber++}`,
    tierId,
    joinedOn: '2020-01-01',
    fullName: secret,
    phone: '+919812345678',
    email: 'rukmini@example.org',
    walletId: 'wallet-of-rukmini',
  }
  const { body } = await api.post<MemberView>('/api/members', member)
  await api.patch(`/api/members/${body.memberId}`, { fullName: `${secret} Sen`, phone: '+919812345679' })
  const left = await api.patch<MemberView>(`/api/members/${body.memberId}`, { memberStatus: 'Inactive' })
  return left.body
}
const pathOf = ({ memberId }: MemberView) => `/api/members/${memberId}/erasure`
const request = (visitor: Visitor, member: MemberView) =>
  visitor.ask<ErasureRequest>('POST', pathOf(member), { reason: 'She asks for it by law.' })
const approve = (visitor: Visitor, member: MemberView) =>
  visitor.ask<MemberView>('POST', `${pathOf(member)}/approval`)

/** Tables in whose rows the text stands. */
async function tablesWith(text: string): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('public', 'bullmq')`.execute(
    api.db,
  )
  const found: string[] = []
  for (const { name } of tables) {
    const { rows } =
      await sql`select from ${sql.raw(name)} t where t::text ilike ${`%${text}%`} limit 1`.execute(api.db)
    if (rows.length > 0) found.push(name)
  }
  return found.toSorted()
}

const wrong = () => faultsIn(api.app)

test('a member who has left is erased when two persons agree: the name is nowhere any more, and the chain and the doctor stay correct', async () => {
  const member = await addLeaver()
  await sql`insert into notice_preferences (recipient_id, language) values (${member.memberId}, 'hi')`.execute(
    api.db,
  )
  const updated = await api.ask<{ updated: number }>('/api/members/import?onDuplicate=update', {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: `memberCode,fullName,tier,status,joinedOn\n${member.memberCode},${member.fullName},${member.tierCode},Inactive,2001-01-01\n`,
  })
  expect(updated.body.updated).toBe(1)
  // Beside the chain, in the register, and in what the import changed; nowhere else.
  expect(await tablesWith('Rukmini')).toEqual([
    'public.import_changes',
    'public.members',
    'public.personal_data',
  ])
  const before = await api.get<Page<{ payload: { after?: object } }>>(`/api/audit?subject=${member.memberId}`)
  expect(JSON.stringify(before.body.items)).toContain(secret)

  expect((await request(admin, member)).status).toBe(201)
  expect(
    (await api.get<{ erasure: ErasureRequest }>(`/api/members/${member.memberId}`)).body.erasure,
  ).toMatchObject({
    requestedBy: expect.stringMatching(/^admin/),
    reason: 'She asks for it by law.',
  })
  expect(refusal(await request(treasurer, member))).toBe('409 erasure-requested')
  expect(refusal(await approve(admin, member))).toBe('403 own-erasure')
  expect((await approve(treasurer, member)).body).toMatchObject({
    memberCode: member.memberCode,
    fullName: 'Erased member',
    phone: null,
    email: null,
    walletId: null,
    erasedAt: expect.any(String),
  })
  for (const text of ['Rukmini', '98123456', 'wallet-of']) expect(await tablesWith(text)).toEqual([])
  const preferences =
    await sql`select from notice_preferences where recipient_id = ${member.memberId}`.execute(api.db)
  expect(preferences.rows).toEqual([])
  const after = await api.get<Page<{ eventName: string }>>(`/api/audit?subject=${member.memberId}`)
  expect(after.body.items.map(({ eventName }) => eventName)).toEqual([
    'MemberErased',
    'MemberErasureRequested',
    'MemberChanged',
    'MemberChanged',
    'MemberAdded',
  ])
  expect(await wrong()).toEqual([])
  expect(await findBrokenLinks(api.db, 10)).toEqual([])
  expect(refusal(await api.patch(`/api/members/${member.memberId}`, { fullName: 'Back' }))).toBe(
    '409 member-erased',
  )
  expect(refusal(await request(admin, member))).toBe('409 member-erased')
  const death = { deceasedMemberId: member.memberId, dateOfDeath: '2026-01-02', benefitAmount: 100 }
  expect(refusal(await api.post('/api/claims', death))).toBe('409 member-erased')
})

test('names are removed from events of an older version, and the doctor counts these events', async () => {
  const member = await addLeaver()
  // As such a version wrote it: past the verbs, with the name in the payload.
  await sql`insert into events (event_name, subject, payload, actor) values
    ('MemberChanged', ${member.memberId}, ${JSON.stringify({ memberCode: 'L', before: { fullName: 'Rukmini' }, after: { fullName: secret, tierId } })}, 'x')`.execute(
    api.db,
  )
  await request(treasurer, member)
  expect((await approve(admin, member)).status).toBe(200)
  expect(await tablesWith('Rukmini')).toEqual([])
  expect(await wrong()).toEqual([])
  expect(await findings(api.app)).toContainEqual({
    check: 'audit',
    ok: true,
    detail: expect.stringMatching(/^1 events of erased members/),
  })
})

test('what claims, letters and their events say of an erased member is removed too, and what was not sent is not', async () => {
  const member = await addLeaver()
  const death = { deceasedMemberId: member.memberId, dateOfDeath: '2026-01-02', benefitAmount: 100 }
  const place = 'Varanasi, by the river'
  const { body: claim } = await api.post<ClaimView>('/api/claims', { ...death, placeOfDeath: place })
  await api.post(`/api/claims/${claim.claimId}/reject`, { reason: 'It was somebody else.' })
  // As a version that kept names in the chain wrote it.
  await sql`insert into events (event_name, subject, payload, actor) values
    ('ClaimSubmitted', ${claim.claimId}, ${JSON.stringify({ after: { deceasedFullName: secret, placeOfDeath: place } })}, 'x')`.execute(
    api.db,
  )
  const { cycleId } = await activeCycle(api, (await approveDeath(api.db, { number: 2 })).claimId)
  for (const [index, status] of ['Pending', 'Dead', 'Sent'].entries()) {
    await sql`
      with notice as (
        insert into notices (event_id, cycle_id, notice_kind, recipient_id, made_at)
        values (${index + 1}, ${cycleId}, 'member-notice', ${member.memberId}, now()) returning notice_id
      )
      insert into deliveries (notice_id, channel, delivery_status, address, error)
      select notice_id, 'email', ${status}, 'rukmini@example.org', '550 no box rukmini@example.org' from notice`.execute(
      api.db,
    )
  }
  expect(await tablesWith('Varanasi')).toEqual(['public.claims', 'public.events', 'public.personal_data'])
  await request(admin, member)
  expect((await approve(treasurer, member)).status).toBe(200)
  for (const text of ['Rukmini', 'Varanasi']) expect(await tablesWith(text)).toEqual([])
  expect((await api.get<ClaimView>(`/api/claims/${claim.claimId}`)).body).toMatchObject({
    deceasedFullName: 'Erased member',
    placeOfDeath: null,
  })
  const { rows } = await sql<{ status: string }>`
    select delivery_status as status from deliveries join notices n using (notice_id)
    where n.recipient_id = ${member.memberId} order by n.event_id`.execute(api.db)
  expect(rows.map(({ status }) => status)).toEqual(['Withdrawn', 'Dead', 'Sent'])
  expect(await wrong()).toEqual([])
})

test('a member who is in standing, owes or is owed is not erased, and nothing is half done', async () => {
  const standing = await api.post<MemberView>('/api/members', {
    ...{ memberCode: 'S-1', fullName: 'Standing', tierId, joinedOn: '2020-01-01' },
  })
  expect(refusal(await request(admin, standing.body))).toBe('409 member-in-standing')

  const debtor = await addLeaver()
  await api.patch(`/api/members/${debtor.memberId}`, { memberStatus: 'Active' })
  const { claimId } = await approveDeath(api.db, { number: 1 })
  const cycle = await activeCycle(api, claimId)
  await api.patch(`/api/members/${debtor.memberId}`, { memberStatus: 'Inactive' })
  await request(admin, debtor)
  const refused = await approve(treasurer, debtor)
  expect(refusal(refused)).toBe('409 member-owes')
  expect(refused.text).toContain(cycle.cycleCode)
  expect((await api.get<MemberView>(`/api/members/${debtor.memberId}`)).body).toMatchObject({
    fullName: `${secret} Sen`,
    erasedAt: null,
    erasure: { requestedBy: expect.stringMatching(/^admin/) },
  })
  expect((await treasurer.ask('DELETE', pathOf(debtor))).status).toBe(204)
  expect(refusal(await approve(treasurer, debtor))).toBe('409 erasure-not-requested')

  const { rows } =
    await sql<MemberView>`select * from members where member_code = ${memberCode('A', 1)}`.execute(api.db)
  const deceased = rows[0] as MemberView
  await request(admin, deceased)
  expect(refusal(await approve(treasurer, deceased))).toBe('409 member-is-owed')
})

test('personal data that is added to an event afterwards is found by the doctor', async () => {
  const { rows } = await sql<{ eventId: number }>`
    select event_id from events where personal_digest is null and event_name = 'TierAdded' limit 1`.execute(
    api.db,
  )
  const eventId = rows[0]?.eventId as number
  await sql`insert into personal_data (event_id, member_id, salt, data)
    select ${eventId}, member_id, sha256('x'), '{"after": {"contributionAmount": 1}}' from members limit 1`.execute(
    api.db,
  )
  const said = `audit event ${eventId}: its personal data is removed or changed`
  expect(await wrong()).toEqual(expect.arrayContaining([said]))
  await sql.raw('alter table personal_data disable trigger personal_data_kept').execute(api.db)
  await sql`delete from personal_data where event_id = ${eventId}`.execute(api.db)
  await sql.raw('alter table personal_data enable trigger personal_data_kept').execute(api.db)
  expect(await wrong()).toEqual([])
})

test('personal data beside the chain can be neither changed nor removed, and the doctor finds it if it was', async () => {
  const member = await addLeaver()
  const refused = [
    sql`update personal_data set data = '{}' where member_id = ${member.memberId}`,
    sql`update personal_data set data = null, salt = null where member_id = ${member.memberId}`,
    sql`delete from personal_data where member_id = ${member.memberId}`,
    sql`update events set payload = '{}' where subject = ${member.memberId}`,
    sql`delete from redacted_events`,
  ]
  for (const statement of refused) {
    await expect(statement.execute(api.db)).rejects.toThrow(/ is refused: /)
  }
  await api.db.transaction().execute(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx)
    await sql`update personal_data set data = jsonb_set(data, '{after,fullName}', '"Somebody"')
      where member_id = ${member.memberId} and data -> 'after' ? 'fullName'`.execute(tx)
  })
  const found = await wrong()
  expect(found).toContainEqual(
    expect.stringMatching(/^audit event \d+: its personal data is removed or changed$/),
  )
})

test('a member who is called erased by hand, so that nobody misses what was beside the chain, is named by the doctor', async () => {
  const member = await addLeaver()
  const said = `member ${member.memberCode}: isErased as no event says`
  expect(await wrong()).not.toContain(said)
  await sql`update members set erased_at = now() where member_id = ${member.memberId}`.execute(api.db)
  expect(await wrong()).toContain(said)
})

test('an import does not bring an erased member back', async () => {
  const member = await addLeaver()
  await request(admin, member)
  await approve(treasurer, member)
  const csv = `memberCode,fullName,tier,agentCode,status,joinedOn,phone,email\n${member.memberCode},${secret},A,,Active,2020-01-01,,\n`
  for (const onDuplicate of ['skip', 'update']) {
    const { body } = await api.ask<{ skipped: number; faults: { reason: string }[] }>(
      `/api/members/import?onDuplicate=${onDuplicate}`,
      { method: 'POST', body: csv, headers: { 'content-type': 'text/csv' } },
    )
    expect(onDuplicate === 'skip' ? body.skipped : body.faults).toEqual(
      onDuplicate === 'skip'
        ? 1
        : [expect.objectContaining({ reason: 'The member was erased: nothing can change any more.' })],
    )
  }
  expect((await api.get<MemberView>(`/api/members/${member.memberId}`)).body).toMatchObject({
    fullName: 'Erased member',
    memberStatus: 'Inactive',
  })
})

test('the command line asks first, and does not approve the request of the same person', async () => {
  const { memberCode: code } = await addLeaver()
  const erase = async (...args: string[]) => {
    const env = { DATABASE_URL: api.app.database.url }
    const { code: exit, stdout, stderr } = await runAlmoner(['members', 'erase', code, ...args], env)
    return `${exit} ${(stdout + stderr).trim()}`
  }
  expect(await erase()).toMatch(/^\d Give one of --reason, --approve and --withdraw\.$/)
  expect(await erase('--reason', 'She asks for it')).toBe(
    `0 Another person has to approve it: almoner members erase ${code} --approve`,
  )
  expect(await erase('--approve')).toMatch(/^1 .*You asked for it yourself/)
  expect(await erase('--withdraw')).toBe(`0 ${code} is not to be erased any more.`)
})
