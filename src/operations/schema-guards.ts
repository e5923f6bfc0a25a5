import type { SchemaGuards } from './schema-guard-sql.ts'

/** What the migrations make; a test compares the two and says what has to stand here. */
export const guards: SchemaGuards = {
  triggers: [
    'agents.agents_kept',
    'api_keys.api_keys_kept',
    'contribution_cycles.contribution_cycles_kept',
    'event_chain.event_chain_append_only',
    'events.events_append_only',
    'events.events_chained',
    'events.events_told',
    'members.members_died',
    'members.members_inserted',
    'members.members_inserted_refer',
    'members.members_kept',
    'members.members_updated',
    'members.members_updated_refer',
    'standings.standings_kept',
    'tiers.tiers_kept',
    'users.users_kept',
  ],
  functions: {
    chain_event: '59229ba3cfe738fc50f696b6b30a8549',
    eligible_members: 'a5ceeddb59ad5449faa9ea637ca496e9',
    event_digest: 'ce59bed65e437c719867f90172c37342',
    job_percentage: '84cb23a096737b8cb55b0833b77c4522',
    lock_deaths: 'bea95e85669906ee2aded659680227f2',
    members_inserted: '7f5081ac5b9065d76045bd82afae38ac',
    members_refer: '3c474695ae8aad3c3c23f7a566717743',
    members_updated: 'b568fc80d5a8b19ea7e7c1fddab1f97d',
    new_member_id: '5d1fe398a5813b14537a4f3779f04985',
    refuse_change: 'fee931122552f57c943f9cbc476501b3',
    tell_webhooks: 'acecb44e0e54aa144bdea779af183345',
    waive_contributions_of_the_dead: '5223c3f3fa4f8fc60c956c0f25f1e10e',
  },
}
