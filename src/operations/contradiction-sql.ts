import { type RawBuilder, sql } from 'kysely'
import type { EventName } from '../events/event-sql.ts'
import type { Db } from '../platform/database/connect.ts'

/** A row that differs from the audit trail, or is missing in it. */
export interface Contradiction {
  /** Its name, e.g. `claim CL-2026-00003`. */
  readonly what: string
  readonly fault: 'differs' | 'was never made' | 'is gone'
  /** What differs. */
  readonly fields: readonly string[]
}

/** The rows according to the audit trail: the last value of each field in their events. */
interface Told {
  /** The event that creates the row; null: the row comes with the schema. */
  readonly madeBy: EventName | null
  readonly events: readonly EventName[]
  /** How to read an event whose values are not in `after`; by name. */
  readonly says?: Partial<Record<EventName, RawBuilder<unknown>>>
  /** Rows of (subject, what, fields): `fields` is an object of the values to compare. */
  readonly rows: RawBuilder<unknown>
}

/** For events without one. */
const noSubject = sql`'00000000-0000-0000-0000-000000000000'::uuid`

/** Before its first change the fund has no event: it has the values of the schema. */
const fundAsMade = sql`jsonb_build_object('name', 'Mutual aid fund', 'currency', 'USD', 'timeZone', 'UTC',
  'cycleCodePrefix', 'CC', 'roundingStep', 1, 'selfApproval', false, 'noticeLanguage', 'en', 'agentChannels', array['email'],
  'memberChannels', array[]::text[], 'paymentLimit', null, 'importStatusLimitPercent', 10, 'startLimitPercent', 20)`

const told: readonly Told[] = [
  {
    madeBy: null,
    events: ['FundChanged'],
    rows: sql`
      select ${noSubject} as subject, 'the fund' as what, ${fundAsMade} as said,
        jsonb_build_object('name', name, 'currency', currency, 'currencyExponent', currency_exponent, 'timeZone', time_zone, 'cycleCodePrefix', cycle_code_prefix,
          'roundingStep', rounding_step, 'selfApproval', self_approval, 'noticeLanguage', notice_language,
          'agentChannels', agent_channels, 'memberChannels', member_channels, 'paymentLimit', payment_limit,
          'importStatusLimitPercent', import_status_limit_percent, 'startLimitPercent', start_limit_percent) as fields
      from fund`,
  },
  {
    // Rows of an import have no event of their own, nor have rows that were written by hand, which was once allowed.
    madeBy: null,
    events: ['TierAdded', 'TierChanged'],
    rows: sql`
      select tier_id as subject, 'tier ' || tier_code as what,
        '{}'::jsonb as said,
        jsonb_build_object('contributionAmount', contribution_amount, 'benefitAmount', benefit_amount) as fields
      from tiers`,
  },
  {
    madeBy: 'UserAdded',
    events: ['UserAdded', 'UserChanged'],
    rows: sql`
      select id as subject, 'user ' || email as what, '{}'::jsonb as said,
        jsonb_build_object('email', email, 'role', role, 'agentId', agent_id, 'disabledAt', disabled_at,
          'settledAt', settled_at) as fields
      from users`,
  },
  {
    madeBy: 'ApiKeyCreated',
    events: ['ApiKeyCreated', 'ApiKeyRevoked'],
    says: { ApiKeyRevoked: sql`'{"isRevoked": true}'::jsonb` },
    rows: sql`
      select key_id as subject, 'API key ' || key_name as what, '{"isRevoked": false}'::jsonb as said,
        jsonb_build_object('userId', user_id, 'permissions', permissions, 'expiresAt', expires_at,
          'isRevoked', revoked_at is not null) as fields
      from api_keys`,
  },
  {
    madeBy: 'ClaimSubmitted',
    events: ['ClaimSubmitted', 'ClaimApproved', 'ClaimRejected', 'ClaimRevoked'],
    says: {
      ClaimApproved: sql`jsonb_build_object('claimStatus', 'Approved', 'approvedBy', e.actor)`,
      ClaimRejected: sql`jsonb_build_object('claimStatus', 'Rejected', 'rejectedBy', e.actor)`,
      ClaimRevoked: sql`jsonb_build_object('claimStatus', 'Revoked', 'revokedBy', e.actor)`,
    },
    rows: sql`
      select claim_id as subject, 'claim ' || claim_code as what, '{}'::jsonb as said,
        jsonb_build_object('claimCode', claim_code, 'deceasedMemberId', deceased_member_id, 'dateOfDeath', date_of_death,
          'benefitAmount', benefit_amount, 'claimStatus', claim_status, 'submittedBy', submitted_by,
          'joinedOn', joined_on, 'inStanding', in_standing, 'approvedBy', approved_by, 'rejectedBy', rejected_by,
          'revokedBy', revoked_by) as fields
      from claims`,
  },
  {
    madeBy: null,
    events: ['MemberErased'],
    says: { MemberErased: sql`'{"isErased": true}'::jsonb` },
    rows: sql`
      select member_id as subject, 'member ' || member_code as what, '{"isErased": false}'::jsonb as said,
        jsonb_build_object('isErased', true) as fields
      from members where erased_at is not null`,
  },
  {
    madeBy: 'ContributionCycleInitiated',
    events: [
      'ContributionCycleInitiated',
      'ContributionCycleActivated',
      'ContributionCycleCancelled',
      'ContributionCycleRevoked',
    ],
    says: {
      ContributionCycleInitiated: sql`e.payload - 'strategy'`,
      ContributionCycleActivated: sql`e.payload || '{"isActivated": true}'`,
      ContributionCycleCancelled: sql`'{"isCancelled": true}'::jsonb`,
      ContributionCycleRevoked: sql`'{"isActivated": false, "isCancelled": true}'::jsonb`,
    },
    rows: sql`
      select cycle_id as subject, 'cycle ' || cycle_code as what, '{"isActivated": false, "isCancelled": false}'::jsonb as said,
        jsonb_build_object('cycleCode', cycle_code, 'claimCode', claim_code, 'totalMembers', total_members,
          'currency', currency, 'currencyExponent', currency_exponent,
          'contributionAmount', contribution_amount, 'targetAmount', target_amount, 'deadline', deadline,
          'isActivated', cycle_status in ('Active', 'Completed'), 'isCancelled', cycle_status = 'Cancelled') as fields
      from contribution_cycles join claims using (claim_id)`,
  },
]

/** The same instant can be written in several ways. */
const comparable = (field: RawBuilder<unknown>, value: RawBuilder<unknown>) => sql`
  case when ${field} like '%At' and jsonb_typeof(${value}) = 'string'
    then to_jsonb((${value} #>> '{}')::timestamptz) else ${value} end`

/** Rows that were changed or created without an event, at most this many of each kind. */
export async function findContradictions(db: Db, limit: number): Promise<Contradiction[]> {
  const found: Contradiction[] = []
  for (const { madeBy, events, says = {}, rows } of told) {
    const names = Object.entries(says) as [EventName, RawBuilder<unknown>][]
    const said = sql`case e.event_name
      ${sql.join(
        names.map(([name, what]) => sql`when ${name} then ${what}`),
        sql` `,
      )}
      else e.payload -> 'after' end`
    const contradictions = await sql<Contradiction>`
      with kept as (${rows}),
      told as (
        select coalesce(e.subject, ${noSubject}) as subject, jsonb_object_agg(s.key, s.value order by e.event_id) as said,
          bool_or(e.event_name = ${madeBy}::text) as is_made
        from events e cross join lateral jsonb_each(${names.length > 0 ? said : sql`e.payload -> 'after'`}) s
        where e.event_name = any(${events})
        group by 1
      ),
      compared as (
        select coalesce(k.what, ${madeBy} || ' ' || t.subject) as what,
          array(
            select f.key from jsonb_each(k.fields) f
            cross join lateral (select (k.said || coalesce(t.said, '{}')) -> f.key as value) s
            where ${comparable(sql`f.key`, sql`s.value`)} <> ${comparable(sql`f.key`, sql`f.value`)}
            order by f.key
          ) as fields,
          case when k.subject is null and t.is_made then 'is gone'
            when ${madeBy}::text is not null and t.is_made is not true then 'was never made'
            else 'differs' end as fault
        from kept k full join told t using (subject)
      )
      select * from compared where fault <> 'differs' or cardinality(fields) > 0
      order by what
      limit ${limit}`.execute(db)
    found.push(...contradictions.rows)
  }
  return found
}
