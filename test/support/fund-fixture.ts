import { sql } from 'kysely'
import type { ClaimView } from '../../src/claims/claim-sql.ts'
import { approveClaim } from '../../src/claims/decide-claim.ts'
import { submitClaim } from '../../src/claims/submit-claim.ts'
import { announceTo } from '../../src/events/announce.ts'
import { addTier } from '../../src/fund/keep-tiers.ts'
import type { Db } from '../../src/platform/database/connect.ts'
import { operator } from '../../src/platform/values/actor.ts'
import { systemClock } from '../../src/platform/values/clock.ts'

/** More by one statement would take longer than the pool lets any. */
const statementMembers = 1_000_000

/** Registers a tier of Active members, `M-A-00000001` and on; the first agents look after them. */
export async function registerTier(
  db: Db,
  options: { tierCode?: string; members: number; contributionAmount?: number },
): Promise<string> {
  const tierCode = options.tierCode ?? 'A'
  const { tierId } = await addTier(
    { db, announce: announceTo([]) },
    {
      tierCode,
      tierName: `Tier ${tierCode}`,
      contributionAmount: options.contributionAmount ?? 10_000,
      benefitAmount: null,
      actor: operator('admin'),
    },
  )
  await sql`
    insert into agents (agent_code, full_name)
    select 'AG-' || lpad(i::text, 3, '0'), 'Agent ' || i from generate_series(1, 20) i
    on conflict do nothing`.execute(db)
  for (let first = 1; first <= options.members; first += statementMembers) {
    const last = Math.min(first + statementMembers - 1, options.members)
    await sql`
      insert into members (member_code, full_name, tier_id, agent_id, joined_on)
      select 'M-' || ${tierCode}::text || '-' || lpad(i::text, 8, '0'), 'Member ' || i, ${tierId}, a.agent_id, '2020-01-01'
      from generate_series(${first}::integer, ${last}::integer) i
      join agents a on a.agent_code = 'AG-' || lpad((i % 20 + 1)::text, 3, '0')`.execute(db)
  }
  return tierId
}

/** An approved claim for a member of the tier; the member is then Deceased. */
export async function approveDeath(
  db: Db,
  options: { tierCode?: string; number?: number; benefitAmount?: number } = {},
): Promise<ClaimView> {
  const number = String(options.number ?? 1).padStart(8, '0')
  const { memberId } = await db
    .selectFrom('members')
    .select('memberId')
    .where('memberCode', '=', `M-${options.tierCode ?? 'A'}-${number}`)
    .executeTakeFirstOrThrow()
  const announce = announceTo([])
  const claim = await submitClaim(
    { db, announce, clock: systemClock },
    {
      deceasedMemberId: memberId,
      dateOfDeath: '2026-01-02',
      placeOfDeath: 'Delhi',
      benefitAmount: options.benefitAmount ?? 50_000_000,
      actor: operator('clerk'),
    },
  )
  return approveClaim({ db, announce }, { claimId: claim.claimId, actor: operator('treasurer') })
}
