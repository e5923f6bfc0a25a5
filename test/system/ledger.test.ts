import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBalances } from '../../src/ledger/ledger-sql.ts'
import { runAlmoner, startAlmoner } from '../support/almoner-process.ts'
import { findCommand } from '../support/brokers/needs.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'
import { accountName, balancesOfHledger } from '../support/hledger.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await registerTier(database.db, { members: 10 })
})
afterAll(() => database.drop())

const almoner = async (...args: string[]) => {
  const { code, stdout, stderr } = await runAlmoner(args, { DATABASE_URL: database.url })
  return {
    code,
    stdout,
    stderr,
    json: code === 0 && args.includes('--json') ? JSON.parse(stdout) : undefined,
  }
}

test('payments are recorded, shown and reversed at the command line', { timeout: 120_000 }, async () => {
  const claim = await approveDeath(database.db)
  // Another test may be writing on the same server: the background waits for it, a request does not.
  const worker = startAlmoner(['worker'], { DATABASE_URL: database.url })
  await worker.says('The worker is ready.')
  const watched = ['cycles', 'start', '--claim', claim.claimCode, '--watch', '--json']
  const { cycleCode: code, cycleStatus } = (await almoner(...watched)).json
  expect(cycleStatus).toBe('Active')
  await worker.end('SIGTERM')
  const pay = (...args: string[]) => almoner('payments', 'record', '--source', 'TILL', ...args, '--json')
  await almoner('payments', 'sources', 'add', '--code', 'BANK', '--name', 'First bank', '--method', 'Bank')
  expect((await almoner('payments', 'sources', '--json')).json.items).toMatchObject([
    { sourceCode: 'BANK', paymentMethod: 'Bank' },
    { sourceCode: 'TILL', paymentMethod: 'Cash' },
  ])

  const first = await pay('--member', 'M-A-00000002', '--amount', '100', '--cycle', code, '--reference', 'R1')
  expect(first.json).toMatchObject({ amount: 10_000, paymentStatus: 'Posted', reference: 'R1' })
  const again = await pay('--member', 'M-A-00000002', '--amount', '100', '--cycle', code, '--reference', 'r1')
  expect([again.json.paymentId, again.stderr]).toEqual([
    first.json.paymentId,
    'TILL has told of R1 before: nothing is posted again.\n',
  ])
  await pay('--amount', '250.50', '--line', 'M-A-00000003=100', '--line', 'M-A-00000004=150.50')
  await pay('--amount', '7', '--payer', 'Nobody known')
  const wrong = await pay('--member', 'M-A-00000005', '--amount', '100')
  expect(
    (await almoner('payments', 'reverse', `TILL/${wrong.json.reference}`, '--reason', 'Another member'))
      .stdout,
  ).toContain('is Reversed.')
  await almoner('cycles', 'waive', code, '--member', 'M-A-00000006', '--reason', 'Her house burned down')
  await almoner('fund', 'set', '--self-approval', 'yes')
  await almoner('wallets', 'refund', 'M-A-00000004', '--amount', '20.50', '--reason', 'Asked for it')
  expect((await almoner('wallets', 'refund', 'M-A-00000004', '--amount', '20.50', '--approve')).stdout).toBe(
    'It is given back; M-A-00000004 has $30.00 left.\n',
  )
  expect((await almoner('cycles', 'show', code, '--json')).json).toMatchObject({
    totalMembers: 9,
    paidMembers: 3,
    pendingMembers: 5,
    waivedMembers: 1,
    collectedAmount: 30_000,
  })
  expect((await almoner('payments', 'list', '--cycle', code, '--json')).json.items).toHaveLength(3)
  const refused = await pay('--member', 'M-A-00000002', '--amount', '101', '--reference', 'R1')
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('has told of R1 before')])
  const unreadable = await pay('--member', 'M-A-00000002', '--amount', '0')
  expect([unreadable.code, unreadable.stderr]).toEqual([2, 'The amount must be more than 0.\n'])

  const { json: books } = await almoner('ledger', 'balances', '--json')
  expect(
    books.items.map(({ account, balance }: { account: string; balance: number }) => [account, balance]),
  ).toEqual([
    ['Money', 33_700],
    ['Proceeds', -30_000],
    ['Suspense', -700],
    ['Wallet', -3000],
  ])
  const doctor = await almoner('doctor')
  expect(doctor, doctor.stdout).toMatchObject({ code: 0 })
  expect(doctor.stdout).toContain('P3')
})

const missing = findCommand('hledger') ? '' : 'hledger is missing: apt-get install hledger'
test.skipIf(missing)(
  missing || 'hledger agrees with the books of the test before',
  { timeout: 120_000 },
  async () => {
    const ours = await findBalances(database.db, { eachWallet: true })
    expect(ours).toHaveLength(4)
    const { stdout } = await almoner('ledger', 'export', '--format', 'hledger')
    expect(await balancesOfHledger(stdout)).toEqual(
      Object.fromEntries(
        ours.map(({ account, ownerCode, balance }) => [accountName(account, ownerCode), balance]),
      ),
    )
  },
)
