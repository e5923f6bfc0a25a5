import type { Application } from '../../src/app/application.ts'
import { examine, type Finding } from '../../src/operations/examine.ts'

/** All that the doctor finds, good and bad. */
export async function findings(app: Application): Promise<Finding[]> {
  const found: Finding[] = []
  for await (const finding of examine({ ...app, version: 'test' })) found.push(finding)
  return found
}

/** What the doctor finds wrong, each as a sentence. */
export async function faultsIn(app: Application): Promise<string[]> {
  return (await findings(app)).filter(({ ok }) => !ok).map(({ check, detail }) => `${check}: ${detail}`)
}
