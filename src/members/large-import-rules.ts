/** So few members never make a large change, however small the fund is. */
const smallChange = 10

/**
 * Whether an import changes the status of too many for one person.
 *
 * @param change.changed members who would get another status, of the `members` on the register
 * @param change.percent of the register, what one person may change
 */
export function isLargeChange(change: { changed: number; members: number; percent: number }): boolean {
  return change.changed >= smallChange && change.changed * 100 > change.percent * change.members
}

/** What whoever imports is told. */
export function largeSentence(change: { changed: number; members: number; percent: number }): string {
  const { changed, members, percent } = change
  return `This file changes the status of ${changed} of ${members} members, more than ${percent} %: ask for it, and another person approves.`
}

/** A UUID made of the SHA-256 of a file (hexadecimal): the file is what is asked for and approved. */
export function subjectOfFile(digest: string): string {
  const part = (from: number, to: number) => digest.slice(from, to)
  return `${part(0, 8)}-${part(8, 12)}-8${part(13, 16)}-8${part(17, 20)}-${part(20, 32)}`
}
