import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { sql } from 'kysely'
import type { Application } from '../app/application.ts'
import { readConfig } from '../app/config.ts'
import type { ClaimView } from '../claims/claim-sql.ts'
import { approveClaim } from '../claims/decide-claim.ts'
import { submitClaim } from '../claims/submit-claim.ts'
import { requireCycle } from '../cycles/cycle-sql.ts'
import { type CycleProof, proveCycle } from '../cycles/prove-cycle.ts'
import { startCycle } from '../cycles/start-cycle.ts'
import { localDate } from '../fund/fund-rules.ts'
import { findFund } from '../fund/fund-sql.ts'
import { addTier } from '../fund/keep-tiers.ts'
import { packageRoot } from '../platform/package-root.ts'
import { operator } from '../platform/values/actor.ts'
import { wholeNumber } from './arguments.ts'
import { exitCodes } from './exit-codes.ts'
import { printResult, say } from './output.ts'
import { commandActor, commandLog, untilStopped, withApplicationOf } from './run-command.ts'
import { watchCycle } from './watch-cycle.ts'

const contributionAmount = 10_000

export const demoCommand = () =>
  new Command('demo')
    .description(
      'the main job from nothing, in a temporary directory: fund, members, claim, cycle, progress, proof',
    )
    .option('--members <number>', 'members who will owe a contribution', wholeNumber(1, 20_000_000), 5000)
    .action(async (options: { members: number }, command: Command) => {
      const dataDir = await mkdtemp(path.join(tmpdir(), 'almoner-demo-'))
      // The demo has its own server, queue and empty register, whatever the environment says.
      const env = { ...process.env, ALMONER_DATA_DIR: dataDir, DATABASE_URL: '', QUEUE_URL: '' }
      const config = readConfig(env)
      try {
        say('Starting PostgreSQL in a temporary directory …')
        const result = await withApplicationOf(config, commandLog(config), 'almoner demo', (app) =>
          play(app, env, options.members),
        )
        printResult(command, result, resultLines(result))
        if (!result.verified) process.exitCode = exitCodes.failed
      } finally {
        await rm(dataDir, { recursive: true, force: true })
      }
    })

interface DemoResult {
  cycleCode: string
  cycleStatus: string
  totalMembers: number
  answeredInMs: number
  activeInMs: number
  verified: boolean
  proof: CycleProof
}

async function play(app: Application, env: NodeJS.ProcessEnv, members: number): Promise<DemoResult> {
  const worker = await startWorkerProcess(env)
  const stopped = untilStopped().then(() => {
    throw new Error('The demo was stopped.')
  })
  try {
    return await Promise.race([playWithWorker(app, members), stopped])
  } finally {
    if (worker.exitCode === null) {
      worker.kill('SIGTERM')
      await once(worker, 'exit')
    }
  }
}

async function playWithWorker(app: Application, members: number): Promise<DemoResult> {
  say(`Registering ${(members + 1).toLocaleString('en')} members …`)
  await registerMembers(app, members + 1)
  const claim = await approveDeath(app, members * contributionAmount)
  say(`Claim ${claim.claimCode} of ${claim.deceasedFullName} is approved. Starting its cycle …`)

  const startedAt = performance.now()
  const { cycleId, cycleCode } = await startCycle(app, {
    claimId: claim.claimId,
    cycleDuration: 15,
    strategy: 'queued',
    actor: commandActor(),
  })
  const answeredInMs = performance.now() - startedAt
  say(`Cycle ${cycleCode} answered in ${answeredInMs.toFixed(1)} ms; the worker creates the contributions.`)
  await watchCycle(app, cycleId)
  const activeInMs = performance.now() - startedAt
  const cycle = await requireCycle(app.db, cycleId)
  const proof = await proveCycle(app.db, cycle.cycleId)
  return {
    cycleCode,
    cycleStatus: cycle.cycleStatus,
    totalMembers: cycle.totalMembers,
    answeredInMs: Math.round(answeredInMs * 10) / 10,
    activeInMs: Math.round(activeInMs * 10) / 10,
    verified: cycle.cycleStatus === 'Active' && cycle.totalMembers === members && proof.holds,
    proof,
  }
}

/** A separate process, as in production: killing it must not matter. */
async function startWorkerProcess(env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const almoner = path.join(packageRoot, 'dist', 'cli', 'almoner.js')
  const worker = spawn(process.execPath, [almoner, 'worker'], {
    env: { ...env, LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const lines = createInterface({ input: worker.stderr })
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line === 'The worker is ready.') resolve()
      else say(line)
    })
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('The worker process ended before it was ready.')))
  })
  return worker
}

/** Members by one statement, spread over 50 agents. */
async function registerMembers(app: Application, members: number): Promise<void> {
  const { db } = app
  const { tierId } = await addTier(app, {
    tierCode: 'A',
    tierName: 'Tier A',
    contributionAmount,
    benefitAmount: null,
    actor: commandActor(),
  })
  await sql`
    insert into agents (agent_code, full_name)
    select 'AG-' || lpad(i::text, 3, '0'), 'Agent ' || i from generate_series(1, 50) i`.execute(db)
  await sql`
    insert into members (member_code, full_name, tier_id, agent_id, joined_on)
    select 'M-' || lpad(i::text, 8, '0'), 'Member ' || i, ${tierId}, a.agent_id, '2020-01-01'
    from generate_series(1, ${members}) i
    join agents a on a.agent_code = 'AG-' || lpad((i % 50 + 1)::text, 3, '0')`.execute(db)
  await sql`vacuum (analyze) members, standings`.execute(db)
}

async function approveDeath(app: Application, benefitAmount: number): Promise<ClaimView> {
  const { memberId } = await app.db
    .selectFrom('members')
    .select('memberId')
    .where('memberCode', '=', 'M-00000001')
    .executeTakeFirstOrThrow()
  const { claimId } = await submitClaim(app, {
    deceasedMemberId: memberId,
    placeOfDeath: null,
    dateOfDeath: localDate(app.clock.now(), (await findFund(app.db)).timeZone),
    benefitAmount,
    actor: operator('clerk'),
  })
  return approveClaim(app, { claimId, actor: operator('treasurer') })
}

function resultLines(result: DemoResult): string[] {
  const { proof } = result
  const line = (ok: boolean, text: string) => `  ${ok ? 'holds' : 'FAILS'}  ${text}`
  const counted = proof.pending + proof.paid + proof.failed + proof.waived
  return [
    '',
    `Cycle ${result.cycleCode} is ${result.cycleStatus} with ${result.totalMembers.toLocaleString('en')} contributions.`,
    `Answered in ${result.answeredInMs} ms, Active in ${result.activeInMs} ms.`,
    'Proof, asked of the rows:',
    line(proof.doubled === 0, `I1  ${proof.doubled} members have two contributions`),
    line(
      proof.missing === 0 && proof.unexpected === 0,
      `I2  ${proof.missing} members in standing are missing, ${proof.unexpected} contributions are of nobody in standing`,
    ),
    line(
      proof.contributions === result.totalMembers && proof.planned === counted,
      `I3  ${proof.contributions} rows = ${proof.planned} planned = ${counted} by status = ${result.totalMembers} in the cycle`,
    ),
    result.verified ? 'Verified.' : 'NOT verified.',
  ]
}
