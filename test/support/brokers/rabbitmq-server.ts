import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type ChannelModel, connect } from 'amqplib'
import type { RunningBroker } from './brokers.ts'
import { freePort } from './free-port.ts'
import { findCommand } from './needs.ts'

export const rabbitNeeds = 'needs rabbitmq-server: apt install rabbitmq-server'

const giveUpMs = 60_000

export interface RabbitServer extends RunningBroker {
  /** What `rabbitmqctl` does. */
  control(...args: string[]): Promise<void>
  /** Does something on a connection of its own, as another user of the broker would. */
  use<Result>(act: (connection: ChannelModel) => Promise<Result>): Promise<Result>
}

/** Debian's command changes to another user and forgets the environment; what it calls does not. */
function command(name: 'rabbitmq-server' | 'rabbitmqctl'): string {
  const debian = `/usr/lib/rabbitmq/bin/${name}`
  return existsSync(debian) ? debian : (findCommand(name) ?? name)
}

/** It refuses until it has noticed that its node is gone. */
async function stopEpmd(env: NodeJS.ProcessEnv): Promise<void> {
  const giveUpAt = Date.now() + 5_000
  while (Date.now() < giveUpAt) {
    const { stdout } = await promisify(execFile)('epmd', ['-kill'], { env }).catch(() => ({ stdout: '' }))
    if (stdout.includes('Killed')) return
    await wait(100)
  }
}

/**
 * A RabbitMQ of its own, with an epmd of its own, that knows nothing of any other on this machine.
 *
 * @param settings lines of its `rabbitmq.conf`
 */
export async function startRabbitServer(settings: readonly string[] = []): Promise<RabbitServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'almoner-rabbit-'))
  const [port, distPort, epmdPort] = [await freePort(), await freePort(), await freePort()]
  const enabledPlugins = path.join(directory, 'enabled_plugins')
  const configFile = path.join(directory, 'rabbitmq.conf')
  await writeFile(enabledPlugins, '[].')
  await writeFile(configFile, `${settings.join('\n')}\n`)
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    ERL_EPMD_PORT: `${epmdPort}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `almoner${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: `${port}`,
    RABBITMQ_DIST_PORT: `${distPort}`,
    RABBITMQ_MNESIA_BASE: path.join(directory, 'data'),
    RABBITMQ_LOG_BASE: path.join(directory, 'log'),
    RABBITMQ_LOGS: path.join(directory, 'log', 'rabbit.log'),
    RABBITMQ_PID_FILE: path.join(directory, 'pid'),
    RABBITMQ_ENABLED_PLUGINS_FILE: enabledPlugins,
    RABBITMQ_CONF_ENV_FILE: path.join(directory, 'none'),
    RABBITMQ_CONFIG_FILE: configFile,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  }
  const url = `amqp://127.0.0.1:${port}`
  let child: ChildProcess

  const use = async <Result>(act: (connection: ChannelModel) => Promise<Result>) => {
    const connection = await connect(url)
    connection.on('error', () => {})
    try {
      return await act(connection)
    } finally {
      await connection.close().catch(() => {})
    }
  }
  const startAgain = async () => {
    // In a group of its own: the script, the Erlang machine and its helpers die together.
    child = spawn(command('rabbitmq-server'), { env, stdio: 'ignore', detached: true })
    const giveUpAt = Date.now() + giveUpMs
    const answers = () => use(async (connection) => (await connection.createChannel()).close())
    while (
      !(await answers().then(
        () => true,
        () => false,
      ))
    ) {
      if (Date.now() > giveUpAt || child.exitCode !== null) throw new Error('rabbitmq-server does not answer')
      await wait(200)
    }
  }
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    process.kill(-child.pid, 'SIGKILL')
    await once(child, 'exit')
  }

  try {
    await startAgain()
  } catch (error) {
    await kill()
    throw error
  }
  return {
    url,
    use,
    kill,
    async signal(signal) {
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    },
    startAgain,
    async control(...args) {
      await promisify(execFile)(command('rabbitmqctl'), args, { env })
    },
    empty: () =>
      use(async (connection) => {
        const channel = await connection.createChannel()
        for (const queue of ['', '.retry.2s', '.retry.4s', '.dead']) {
          await channel.purgeQueue(`contributions${queue}`)
        }
      }),
    async stop() {
      await kill()
      await stopEpmd(env)
      await rm(directory, { recursive: true, force: true })
    },
  }
}
