import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAlmoner } from '../support/almoner-process.ts'
import { findCommand } from '../support/brokers/needs.ts'
import { approveDeath, registerTier } from '../support/fund-fixture.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'

const run = promisify(execFile)

let database: TestDatabase
let dir: string
beforeAll(async () => {
  database = await createTestDatabase()
  dir = await mkdtemp(path.join(tmpdir(), 'almoner-ledger-'))
  await registerTier(database.db, { members: 10 })
})
afterAll(async () => {
  await rm(dir, { recursive: true, force: true })
  await database.drop()
})

const almoner = async (...args: string[]) => {
  const { code, stdout, stderr } = await runAlmoner(args, { DATABASE_URL: database.url })
  return {
    code,
    stdout,
    stderr,
    json: code === 0 && args.includes('--json') ? JSON.parse(stdout) : undefined,
  }
}

const missing = findCommand('hledger') ? '' : 'hledger is missing: apt-get install hledger'
test.skipIf(missing)(
  missing ||
    'payments are recorded, shown and reversed at the command line, and hledger agrees with the books',
  { timeout: 120_000 },
  async () => {
    const claim = await approveDeath(database.db)
    const { json: cycle } = await almoner(
      'cycles',
      'start',
      '--claim',
      claim.claimCode,
      '--strategy',
      'inline',
      '--json',
    )
    const code: string = cycle.cycleCode
    await expect
      .poll(async () => (await almoner('cycles', 'show', code, '--json')).json.cycleStatus, {
        timeout: 30_000,
      })
      .toBe('Active')
    const pay = (...args: string[]) => almoner('payments', 'record', '--source', 'TILL', ...args, '--json')
    await almoner('payments', 'sources', 'add', '--code', 'BANK', '--name', 'First bank', '--method', 'Bank')
    expect((await almoner('payments', 'sources', '--json')).json.items).toMatchObject([
      { sourceCode: 'BANK', paymentMethod: 'Bank' },
      { sourceCode: 'TILL', paymentMethod: 'Cash' },
    ])

    const first = await pay(
      '--member',
      'M-A-00000002',
      '--amount',
      '100',
      '--cycle',
      code,
      '--reference',
      'R1',
    )
    expect(first.json).toMatchObject({ amount: 10_000, paymentStatus: 'Posted', reference: 'R1' })
    const again = await pay(
      '--member',
      'M-A-00000002',
      '--amount',
      '100',
      '--cycle',
      code,
      '--reference',
      'r1',
    )
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
    expect(
      (await almoner('wallets', 'refund', 'M-A-00000004', '--amount', '20.50', '--approve')).stdout,
    ).toBe('It is given back; M-A-00000004 has $30.00 left.\n')
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
    const journal = path.join(dir, 'ledger.journal')
    await writeFile(journal, (await almoner('ledger', 'export', '--format', 'hledger')).stdout)
    await run('hledger', ['-f', journal, 'check', '--strict'])
    const { stdout } = await run('hledger', [
      '-f',
      journal,
      'balance',
      '--flat',
      '--no-total',
      '--output-format',
      'json',
    ])
    const [rows] = JSON.parse(stdout) as [
      [string, string, number, { aquantity: { decimalMantissa: number; decimalPlaces: number } }[]][],
    ]
    const theirs = rows.map(([account, , , [amount]]) => [
      account,
      (amount?.aquantity.decimalMantissa ?? 0) / 10 ** ((amount?.aquantity.decimalPlaces ?? 2) - 2),
    ])
    expect(theirs.toSorted()).toEqual([
      ['assets:money:TILL', 33_700],
      ['liabilities:proceeds:' + code, -30_000],
      ['liabilities:suspense:TILL', -700],
      ['liabilities:wallets:M-A-00000004', -3000],
    ])
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
  },
)
