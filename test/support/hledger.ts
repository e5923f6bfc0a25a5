import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { AccountKind } from '../../src/ledger/transfer-rules.ts'

const run = promisify(execFile)

const roots: Record<AccountKind, string> = {
  Money: 'assets:money',
  Suspense: 'liabilities:suspense',
  Wallet: 'liabilities:wallets',
  Proceeds: 'liabilities:proceeds',
}

/** What the journal calls the account. */
export const accountName = (kind: AccountKind, code: string) => `${roots[kind]}:${code}`

/**
 * What hledger makes of a journal of two decimals: cents by account, of accounts that are not empty.
 *
 * @throws Error when its strict check finds anything, also a balance that is not the one asserted
 */
export async function balancesOfHledger(
  journal: string | AsyncIterable<string>,
): Promise<Record<string, number>> {
  const dir = await mkdtemp(path.join(tmpdir(), 'almoner-hledger-'))
  try {
    const file = path.join(dir, 'ledger.journal')
    await writeFile(file, journal)
    await run('hledger', ['-f', file, 'check', '--strict'])
    const { stdout } = await run('hledger', [
      ...['-f', file, 'balance', '--flat', '--no-total', '--output-format', 'json'],
    ])
    type Quantity = { aquantity: { decimalMantissa: number; decimalPlaces: number } }
    const [rows] = JSON.parse(stdout) as [[string, string, number, Quantity[]][]]
    return Object.fromEntries(
      rows.map(([account, , , [amount]]) => {
        const { decimalMantissa, decimalPlaces } = (amount as Quantity).aquantity
        return [account, decimalMantissa / 10 ** (decimalPlaces - 2)]
      }),
    )
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
