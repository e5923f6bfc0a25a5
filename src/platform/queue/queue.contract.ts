import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Message, MessageHandler, Queue, QueueDepth, QueueLog } from './queue.ts'

/** One broker with an empty queue, for one test. */
export interface Broker {
  /** Every call opens the same queue again, as another process would. */
  open(log: QueueLog): Promise<Queue>
  /** Puts an invalid message into the queue, with the broker's own tools. */
  poison(): Promise<void>
  /** Cuts all connections to the broker. */
  interrupt(): Promise<void>
  /** The QUEUE_URL with which another process opens the same queue. */
  readonly url: string
  tearDown(): Promise<void>
}

/** A broker for this test only. */
export interface RestartableBroker extends Broker {
  /** Whether what stands in for the broker here loses its messages when it is killed, as the real one would not. */
  readonly forgets?: boolean
  /** Kills the broker's processes (SIGKILL). */
  kill(): Promise<void>
  /** Starts it again on what it had stored, and resolves when it answers. */
  startAgain(): Promise<void>
}

/** What every driver promises of `Queue`. */
export function queueContract<B extends Broker>(
  name: string,
  setUp: () => Promise<B>,
  setUpAlone: () => Promise<RestartableBroker>,
): void {
  let opened: Queue[]
  let warnings: string[]

  const openOn = async (broker: Broker) => {
    const log = { info: () => {}, warn: (_fields: object, line: string) => warnings.push(line) }
    const queue = await broker.open(log)
    opened.push(queue)
    return queue
  }

  beforeEach(() => {
    opened = []
    warnings = []
  })

  describe(`the queue on ${name}`, () => {
    let broker: B

    beforeEach(async () => {
      broker = await setUp()
    })

    afterEach(async () => {
      await Promise.all(opened.map((queue) => queue.close()))
      await broker.tearDown()
    })

    const open = () => openOn(broker)

    const startChild = (task: ChildTask) => startContractChild(task, broker.url)

    test('a message is stored once send resolves, though the sender is killed in that instant', async () => {
      const [, signal] = await once(startChild('send'), 'exit')
      expect(signal).toBe('SIGKILL')

      const queue = await open()
      const inbox = createInbox()
      await queue.consume(inbox.handle, { concurrency: 1 })
      await inbox.until(() => inbox.taken.length > 0)
      expect(inbox.taken.map(({ message }) => message)).toEqual([{ name: 'token', id: 'of-the-killed' }])
    })

    test('a message waits for a consumer that comes after the sender has gone', async () => {
      const sender = await open()
      await sender.send([token('early')])
      await sender.close()

      const queue = await open()
      await expectDepth(queue, { waiting: 1 })
      const inbox = createInbox()
      await queue.consume(inbox.handle, { concurrency: 1 })
      await inbox.until(() => inbox.taken.length > 0)
      expect(inbox.ids()).toEqual(['early'])
      await expectDepth(queue, {})
    })

    test('a message has the time when it was sent, if its sender gives it', async () => {
      const queue = await open()
      const inbox = createInbox()
      await queue.consume(inbox.handle, { concurrency: 1 })
      const sentAt = Date.now()
      await queue.send([{ ...token('dated'), sentAt }])
      await inbox.until(() => inbox.taken.length > 0)
      expect(inbox.taken.map(({ message }) => message)).toEqual([{ ...token('dated'), sentAt }])
    })

    test('sending nothing is allowed', async () => {
      const queue = await open()
      await queue.send([])
      await expectDepth(queue, {})
    })

    test('1,000 messages sent at once all arrive', async () => {
      const queue = await open()
      const inbox = createInbox()
      await queue.consume(inbox.handle, { concurrency: 5 })
      const messages = numbered(1_000)
      await queue.send(messages)
      await inbox.until(() => new Set(inbox.ids()).size === 1_000)
      expect(new Set(inbox.ids())).toEqual(new Set(messages.map(({ id }) => id)))
    })

    test('a consumer works on as many messages at once as its concurrency says, and on no more', async () => {
      const queue = await open()
      const gate = createGate()
      let inHand = 0
      let mostInHand = 0
      const inbox = createInbox(async () => {
        inHand += 1
        mostInHand = Math.max(mostInHand, inHand)
        await gate.opened
        inHand -= 1
      })
      await queue.send(numbered(20))
      await queue.consume(inbox.handle, { concurrency: 5 })
      await inbox.until(() => inbox.taken.length === 5)
      gate.open()
      await inbox.until(() => inbox.taken.length === 20)
      expect(mostInHand).toBe(5)
    })

    test('two consumers share 100 messages', async () => {
      const [one, other] = [await open(), await open()]
      const all = new Set<string>()
      // Neither consumer can take the second half before the other has taken something.
      const work = async ({ id }: Message) => {
        all.add(id)
        if (all.size > 50) await both.opened
      }
      const both = createGate()
      const [first, second] = [createInbox(work), createInbox(work)]
      await one.consume(first.handle, { concurrency: 5 })
      await other.consume(second.handle, { concurrency: 5 })
      await one.send(numbered(100))
      await Promise.all([
        first.until(() => first.taken.length > 0),
        second.until(() => second.taken.length > 0),
      ])
      both.open()
      await expect.poll(() => all.size, { timeout: 30_000 }).toBe(100)
    })

    test('a message whose handler throws comes again after 2 s and 4 s, and is then a dead letter', async () => {
      const queue = await open()
      const inbox = createInbox(async ({ id }) => {
        if (id === 'poison') throw new Error('This message cannot be handled')
      })
      await queue.consume(inbox.handle, { concurrency: 1 })
      await queue.send([token('poison')])
      await inbox.until(() => inbox.taken.length === 3)

      const [first = 0, second = 0, third = 0] = inbox.taken.map(({ at }) => at)
      // A clock of whole milliseconds may be one short at either end.
      expect(second - first).toBeGreaterThan(1_990)
      expect(second - first).toBeLessThan(5_000)
      expect(third - second).toBeGreaterThan(3_990)
      expect(third - second).toBeLessThan(8_000)
      await expectDepth(queue, { dead: 1 })

      await queue.send([token('wholesome')])
      await inbox.until(() => inbox.ids().includes('wholesome'))
      expect(inbox.ids()).toEqual(['poison', 'poison', 'poison', 'wholesome'])
    })

    test('an invalid message goes to the dead letters at once, with a line in the log', async () => {
      const queue = await open()
      const inbox = createInbox()
      await broker.poison()
      await queue.consume(inbox.handle, { concurrency: 1 })
      await queue.send([token('wholesome')])
      await inbox.until(() => inbox.taken.length > 0)
      await expectDepth(queue, { dead: 1 })
      expect(inbox.ids()).toEqual(['wholesome'])
      expect(warnings.join()).toMatch(/dead letter/)
    })

    test('a message comes again when the process of its consumer is killed', async () => {
      const queue = await open()
      const child = startChild('hold')
      await queue.send([token('orphan')])
      await once(child, 'message')
      child.kill('SIGKILL')
      await once(child, 'exit')

      const inbox = createInbox()
      await queue.consume(inbox.handle, { concurrency: 1 })
      await inbox.until(() => inbox.taken.length > 0)
      expect(inbox.ids()).toEqual(['orphan'])
      await expectDepth(queue, {})
    })

    test('stop aborts the signal, takes no more, and waits for the messages in hand', async () => {
      const queue = await open()
      const gate = createGate()
      let aborted = 0
      let finished = 0
      const bothAborted = createGate()
      const inbox = createInbox(async (_message, { signal }) => {
        await once(signal, 'abort')
        aborted += 1
        if (aborted === 2) bothAborted.open()
        await gate.opened
        finished += 1
      })
      await queue.send(numbered(10))
      const consumer = await queue.consume(inbox.handle, { concurrency: 2 })
      await inbox.until(() => inbox.taken.length === 2)

      let stopped = false
      const stopping = consumer.stop().then(() => {
        stopped = true
      })
      await bothAborted.opened
      await expectDepth(queue, { waiting: 8, active: 2 })
      expect({ stopped, finished }).toEqual({ stopped: false, finished: 0 })
      gate.open()
      await stopping
      expect({ taken: inbox.taken.length, finished }).toEqual({ taken: 2, finished: 2 })
      await expectDepth(queue, { waiting: 8 })

      const rest = createInbox()
      await queue.consume(rest.handle, { concurrency: 2 })
      await rest.until(() => new Set([...inbox.ids(), ...rest.ids()]).size === 10)
    })

    test('no handler is started after stop was called, whenever that is', async () => {
      const queue = await open()
      const started = new Set<string>()
      let late = 0
      await queue.send(numbered(300))
      for (let round = 0; round < 20; round += 1) {
        let stopCalled = false
        const enough = started.size + round
        const inbox = createInbox(async ({ id }) => {
          started.add(id)
          if (stopCalled) late += 1
        })
        const consumer = await queue.consume(inbox.handle, { concurrency: 3 })
        await inbox.until(() => started.size >= enough)
        stopCalled = true
        await consumer.stop()
      }
      expect(late).toBe(0)
      // What was being fetched when the consumer stopped is not lost.
      const rest = createInbox(async ({ id }) => {
        started.add(id)
      })
      await queue.consume(rest.handle, { concurrency: 3 })
      await rest.until(() => started.size === 300)
    })

    test('close stops the consumers, may be called twice, and a closed queue refuses to send', async () => {
      const [queue, other] = [await open(), await open()]
      const inbox = createInbox(async (_message, { signal }) => {
        await once(signal, 'abort')
      })
      await queue.consume(inbox.handle, { concurrency: 1 })
      await other.send(numbered(3))
      await inbox.until(() => inbox.taken.length === 1)
      await Promise.all([queue.close(), queue.close()])
      await queue.close()
      await expectDepth(other, { waiting: 2 })
      await expect(queue.send([token('late')])).rejects.toThrow('The queue is closed')
    })

    test('a consumer continues by itself after its connections were cut', async () => {
      const queue = await open()
      const gate = createGate()
      const inbox = createInbox(async ({ id }) => {
        if (id === 'in hand') await gate.opened
      })
      await queue.consume(inbox.handle, { concurrency: 2 })
      await queue.send([token('before'), token('in hand')])
      await inbox.until(() => new Set(inbox.ids()).size === 2)

      await broker.interrupt()
      gate.open()
      // Only a send that resolves is a promise: one that meets the dead connection may reject.
      await expect.poll(() => queue.send([token('after')]).then(() => true), { timeout: 30_000 }).toBe(true)
      await inbox.until(() => inbox.ids().includes('after'))

      // A consumer that waits has other connections in use than one at work.
      await expectDepth(queue, {})
      await broker.interrupt()
      await expect.poll(() => queue.send([token('later')]).then(() => true), { timeout: 30_000 }).toBe(true)
      await inbox.until(() => inbox.ids().includes('later'))
    })
  })

  describe(`the queue on ${name}, killed and started again`, () => {
    test('a process whose broker is unreachable can still be stopped, and ends', async () => {
      const broker = await setUpAlone()
      // At once, between two attempts to connect, and after several: it could hang at each of these moments.
      const leaving = [0, 50, 150, 300, 1_000].map((delayMs) => ({
        delayMs,
        child: startContractChild('leave', broker.url),
      }))
      try {
        await Promise.all(leaving.map(({ child }) => once(child, 'message')))
        await broker.kill()
        const exits = leaving.map(async ({ delayMs, child }) => {
          await wait(delayMs)
          child.send('leave')
          return once(child, 'exit')
        })
        expect(await Promise.all(exits)).toEqual(leaving.map(() => [0, null]))
      } finally {
        for (const { child } of leaving) child.kill('SIGKILL')
        await broker.tearDown()
      }
    })

    test('keeps its messages, and its consumer and its sender continue by themselves', async () => {
      const broker = await setUpAlone()
      const gate = createGate()
      try {
        const queue = await openOn(broker)
        const inbox = createInbox(async ({ id }) => {
          if (id === '0' || id === '1') await gate.opened
        })
        await queue.consume(inbox.handle, { concurrency: 2 })
        await queue.send(numbered(100))
        await inbox.until(() => inbox.taken.length === 2)

        await broker.kill()
        gate.open()
        // A send meanwhile fails with an error, and does not wait for ever.
        await expect(queue.send([token('lost')])).rejects.toThrow()
        await broker.startAgain()
        await expect
          .poll(
            () =>
              queue.send([token('after')]).then(
                () => true,
                () => false,
              ),
            { timeout: 60_000 },
          )
          .toBe(true)
        const kept = broker.forgets ? 3 : 101
        await inbox.until(() => inbox.ids().includes('after') && new Set(inbox.ids()).size >= kept)
        await expectDepth(queue, {})
      } finally {
        gate.open()
        await Promise.all(opened.map((queue) => queue.close()))
        await broker.tearDown()
      }
    }, 120_000)
  })
}

type ChildTask = 'send' | 'hold' | 'leave'

/** A separate process that opens the queue, for tests that kill it. */
export function startContractChild(task: ChildTask, url: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  return fork(fileURLToPath(new URL('./queue.contract-child.mjs', import.meta.url)), [task], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, QUEUE_URL: url, ...env },
  })
}

function token(id: string): Message {
  return { name: 'token', id }
}

function numbered(count: number): Message[] {
  return Array.from({ length: count }, (_, index) => token(`${index}`))
}

/** Some brokers count with a delay, and none marks a message as done in the instant in which its handler returns. */
async function expectDepth(queue: Queue, depth: Partial<QueueDepth>): Promise<void> {
  await expect
    .poll(() => queue.depth(), { timeout: 30_000 })
    .toEqual({ waiting: 0, active: 0, delayed: 0, dead: 0, ...depth })
}

/** A handler that notes what it is given and when, then reacts; `until` wakes with every message. */
function createInbox(react: MessageHandler = async () => {}) {
  const taken: { readonly message: Message; readonly at: number }[] = []
  let wake = () => {}
  const handle: MessageHandler = async (message, delivery) => {
    taken.push({ message, at: performance.now() })
    const reaction = react(message, delivery)
    wake()
    await reaction
  }
  return {
    taken,
    handle,
    ids: () => taken.map(({ message }) => message.id),
    /** Waits no longer than a minute, and then says what there is. */
    async until(reached: () => boolean): Promise<void> {
      const deadline = performance.now() + 60_000
      while (!reached()) {
        const left = deadline - performance.now()
        if (left <= 0) {
          const last = taken.slice(-5).map(({ message }) => message.id)
          throw new Error(`only ${taken.length} messages came within a minute, at last ${last.join(', ')}`)
        }
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    },
  }
}

function createGate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}
