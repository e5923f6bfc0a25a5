import { readFileSync } from 'node:fs'
import path from 'node:path'
import { packageRoot } from '../platform/package-root.ts'

/** Of the package. */
export const { version } = JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as {
  version: string
}
