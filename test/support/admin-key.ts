import { findUser } from '../../src/access/access-sql.ts'
import { createApiKey } from '../../src/access/api-keys.ts'
import { addUser } from '../../src/access/keep-users.ts'
import type { Role } from '../../src/access/permission-rules.ts'
import { permissions, roleGrants } from '../../src/access/permission-rules.ts'
import { announceTo } from '../../src/events/announce.ts'
import type { Db } from '../../src/platform/database/connect.ts'
import { operator } from '../../src/platform/values/actor.ts'

/** Headers with which a machine may do whatever the role may; an admin's, if nothing else is said. */
export async function keyHeaders(
  db: Db,
  {
    role = 'admin',
    agentId = null,
    email = `${role}@example.org`,
  }: { role?: Role; agentId?: string | null; email?: string } = {},
): Promise<{ authorization: string }> {
  const actor = operator('test')
  const announce = announceTo([])
  const { userId } =
    (await findUser(db, { email })) ??
    (await addUser({ db, announce, publicUrl: '' }, { name: role, email, role, agentId, actor })).user
  const granted = permissions.filter((permission) => permission in roleGrants[role])
  const { key } = await createApiKey(
    { db, announce },
    { userId, keyName: role, permissions: granted, expiresAt: null, actor },
  )
  return { authorization: `Bearer ${key}` }
}
