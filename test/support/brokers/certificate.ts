import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

export interface Certificate {
  readonly keyPath: string
  readonly certificatePath: string
  remove(): Promise<void>
}

/** A self-signed certificate for localhost, which only clients with this certificate trust. */
export async function makeCertificate(): Promise<Certificate> {
  const directory = await mkdtemp(path.join(tmpdir(), 'almoner-tls-'))
  const [keyPath, certificatePath] = [
    path.join(directory, 'key.pem'),
    path.join(directory, 'certificate.pem'),
  ]
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', keyPath, '-out', certificatePath],
  ])
  return { keyPath, certificatePath, remove: () => rm(directory, { recursive: true }) }
}
