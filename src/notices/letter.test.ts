import { expect, test } from 'vitest'
import type { Letter } from './delivery-sql.ts'
import { writeLetter } from './letter.ts'

const digest: Letter = {
  deliveryId: '01a21584-7c41-7262-982d-c4fb7ae921eb',
  address: 'asha@example.org',
  attempts: 1,
  noticeKind: 'agent-digest',
  fundName: 'Teachers & Friends',
  recipientName: 'Asha <b>Rao</b>',
  cycleId: '01a21584-7c41-7262-982d-c4fb7ae921ec',
  cycleCode: 'CC-2026-00015',
  claimCode: 'CL-2026-00007',
  deceasedFullName: '"Bela" <script>alert(1)</script>',
  dateOfDeath: '2026-11-20',
  contributionAmount: 10_000,
  currency: 'INR',
  deadline: '2026-12-11',
  totalMembers: 4_999,
  members: 42,
  amount: 420_000,
  failureReason: null,
  withdrawal: null,
}

test('a digest says what the law asks, what is hers, and where her sheet is', () => {
  const { subject, text } = writeLetter(digest, 'https://fund.example.org')
  expect(subject).toBe('CC-2026-00015: ₹4,200.00 to collect from 42 of your members')
  for (const line of [
    'Date of death: 20 November 2026',
    'Claim: CL-2026-00007',
    'Contribution of each member: ₹100.00',
    'Last day to pay: 11 December 2026',
    'Members asked in all: 4,999',
    'Your members who are asked: 42',
    'To collect in all: ₹4,200.00',
    `https://fund.example.org/cycles/${digest.cycleId}/sheet`,
  ]) {
    expect(text.split('\n')).toContain(line)
  }
})

test('a name with HTML in it is shown, and not run', () => {
  const { html } = writeLetter(digest, 'https://fund.example.org')
  expect(html).toContain('Asha &lt;b&gt;Rao&lt;/b&gt;')
  expect(html).not.toContain('<script>')
  expect(html).toContain('Teachers &amp; Friends')
})

test('a failure says why, and that nobody was asked', () => {
  const failed: Letter = { ...digest, noticeKind: 'cycle-failed', failureReason: 'the disk is full' }
  const { subject, text } = writeLetter(failed, 'https://fund.example.org')
  expect(subject).toBe('CC-2026-00015 has failed')
  expect(text).toContain('the disk is full')
  expect(text).toContain('Nobody was asked to pay.')
})
