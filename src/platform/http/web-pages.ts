import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsync } from 'fastify'
import { packageRoot } from '../package-root.ts'

const webDir = path.join(packageRoot, 'dist', 'web')
/** Where the console has been built to. */
const built = existsSync(path.join(webDir, 'index.html')) ? webDir : undefined

/** Every path at which the console shows a page; the browser decides which page. */
const addresses = [
  '/',
  '/sign-in',
  '/set-password',
  '/set-up',
  '/cycles/*',
  '/claims',
  '/members',
  '/members/*',
  '/payments',
  '/payments/*',
  '/ledger',
  '/tiers',
  '/jobs',
  '/jobs/*',
  '/audit',
  '/users',
  '/settings',
  '/deliveries',
  '/templates',
  '/webhooks',
  '/notices',
  '/account',
]

/**
 * The console: its one page at each of its addresses, and the files that it is made of. It holds nothing that is not public;
 * what it shows it asks the API for.
 */
export const webPages: FastifyPluginAsync = async (app) => {
  if (built === undefined) {
    app.log.warn('the console has not been built: there are no pages')
    return
  }
  const page = await readFile(path.join(built, 'index.html'), 'utf8')
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, access: 'anyone' }
  })
  // Their names change with their content.
  await app.register(fastifyStatic, {
    root: path.join(built, 'assets'),
    prefix: '/assets/',
    preCompressed: true,
    immutable: true,
    maxAge: '1y',
    index: false,
  })
  for (const address of addresses) {
    app.get(address, { schema: { hide: true }, logLevel: 'warn' }, async (_request, reply) => {
      const nonce = randomBytes(16).toString('base64url')
      return reply
        .type('text/html; charset=utf-8')
        .header('cache-control', 'no-cache')
        .header('referrer-policy', 'no-referrer')
        .header('content-security-policy', contentSecurityPolicy(nonce))
        .send(page.replace('CSP_NONCE', nonce))
    })
  }
}

/** Only the style sheet of the theme is not a file: the page creates it, with the nonce. */
function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
