import { sql } from 'kysely'
import type { Db } from '../platform/database/connect.ts'
import { guards } from './schema-guards.ts'

export interface SchemaGuards {
  /** `table.trigger` of every trigger that exists and is switched on. */
  readonly triggers: readonly string[]
  /** The functions of the schema, each with the MD5 of its body. */
  readonly functions: Readonly<Record<string, string>>
}

/** The triggers and functions that enforce rules for any writer in this database. */
export async function findGuards(db: Db): Promise<SchemaGuards> {
  const { rows } = await sql<SchemaGuards>`
    select
      array(
        select c.relname || '.' || t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where c.relnamespace = 'public'::regnamespace and not t.tgisinternal and t.tgenabled in ('O', 'A')
        order by 1
      ) as triggers,
      (
        select jsonb_object_agg(proname, md5(prosrc) order by proname) from pg_proc p
        where pronamespace = 'public'::regnamespace
          -- Those of extensions are PostgreSQL's.
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
      ) as functions`.execute(db)
  return rows[0] as SchemaGuards
}

/** What is missing, switched off or changed in this database, compared with the schema. */
export async function findLostGuards(db: Db): Promise<string[]> {
  const found = await findGuards(db)
  return [
    ...guards.triggers
      .filter((trigger) => !found.triggers.includes(trigger))
      .map((trigger) => `the trigger ${trigger} is missing or switched off`),
    ...Object.entries(guards.functions)
      .filter(([name, digest]) => found.functions[name] !== digest)
      .map(([name]) => `the function ${name} is missing or changed`),
  ]
}
