import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/** Where the command is on this machine: on the PATH, or where Debian keeps what only servers need. */
export function findCommand(command: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin']
  return directories
    .map((directory) => path.join(directory, command))
    .find((candidate) => {
      try {
        accessSync(candidate, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
