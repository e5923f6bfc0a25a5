import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { BullMqQueue } from './bullmq.ts'
import type { Queue } from './queue.ts'

const contentSecurityPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

/** Whether the queue can have a dashboard. */
export function isBullMqQueue(queue: Queue): queue is BullMqQueue {
  return 'bullmqQueue' in queue
}

/**
 * Bull Board on the queue, at `path`. Read-only, it shows messages with their log and progress; writable, it also
 * retries, removes, pauses and empties, which costs time but no data: jobs are in PostgreSQL.
 *
 * @param options.beforeCommand is told of each command before it is carried out; what it throws is the answer
 */
export function bullBoardPage(
  queue: BullMqQueue,
  options: { path: string; writable: boolean; beforeCommand: (request: FastifyRequest) => Promise<void> },
): FastifyPluginAsync {
  return async (app) => {
    const [{ createBullBoard }, { BullMQAdapter }, { FastifyAdapter }] = await Promise.all([
      import('@bull-board/api'),
      import('@bull-board/api/bullMQAdapter'),
      import('@bull-board/fastify'),
    ])
    app.addHook('onRoute', (route) => {
      route.config = {
        ...route.config,
        access: [route.method].flat().includes('GET') ? 'queue.read' : 'queue.steer',
      }
    })
    app.addHook('preHandler', async (request) => {
      if (options.writable && request.routeOptions.config.access === 'queue.steer')
        await options.beforeCommand(request)
    })
    const serverAdapter = new FastifyAdapter()
    serverAdapter.setBasePath(options.path)
    createBullBoard({
      queues: [new BullMQAdapter(queue.bullmqQueue, { readOnlyMode: !options.writable })],
      serverAdapter,
      options: { uiConfig: { boardTitle: 'Almoner' } },
    })
    // The page uses a font of another server, which must not see that the page was opened.
    app.addHook('onSend', async (_request, reply) => {
      reply.header('content-security-policy', contentSecurityPolicy)
    })
    // It asks every few seconds: its lines would hide the others.
    await app.register(serverAdapter.registerPlugin(), { prefix: options.path, logLevel: 'warn' })
  }
}
