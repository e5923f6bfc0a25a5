/** Runs every benchmark, one after the other, with the options given: `npm run bench -- [--quick] [--large]`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { say } from './measure.ts'

for (const name of [
  'creation',
  'plots',
  'start',
  'load',
  'beside',
  'scale',
  'recovery',
  'notices',
  'import',
  'queues',
  'access',
  'floods',
  'payments',
]) {
  const startedAt = performance.now()
  say(`${name} …`)
  const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, file, ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  const [code] = await once(child, 'exit')
  // The others answer questions of their own.
  if (code !== 0) process.exitCode = 1
  say(
    `${name} ${code === 0 ? 'took' : `ended with ${code} after`} ${Math.round((performance.now() - startedAt) / 1000)} s`,
  )
}
