import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The directory of package.json. It is looked for, as the build puts this file elsewhere. */
export const packageRoot = findUp(path.dirname(fileURLToPath(import.meta.url)))

function findUp(directory: string): string {
  return existsSync(path.join(directory, 'package.json')) ? directory : findUp(path.dirname(directory))
}
