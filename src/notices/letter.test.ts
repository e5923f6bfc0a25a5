import { describe, expect, test } from 'vitest'
import { letterLanguages } from '../fund/fund-rules.ts'
import type { LetterContent } from './delivery-sql.ts'
import { faultsOf, htmlOf, writeLetter } from './letter.ts'
import { type LetterTemplate, letters, partsOf } from './letter-rules.ts'
import { letterText } from './letter-texts.ts'

const digest: LetterContent = {
  noticeKind: 'agent-digest',
  fundName: 'Teachers & Friends',
  recipientName: 'Asha <b>Rao</b>',
  cycleId: '01a21584-7c41-7262-982d-c4fb7ae921ec',
  cycleCode: 'CC-2026-00015',
  claimCode: 'CL-2026-00007',
  deceasedFullName: '"Bela" <script>alert(1)</script>',
  dateOfDeath: '2026-11-20',
  placeOfDeath: 'Pune: {{ fundName }}',
  contributionAmount: 10_000,
  currency: 'INR',
  currencyExponent: 2,
  deadline: '2026-12-11',
  totalMembers: 4_999,
  members: 42,
  amount: 420_000,
  agentName: null,
  failureReason: null,
}
const publicUrl = 'https://fund.example.org'
const inEnglish = { form: 'letter', language: 'en', template: null } as const
const worded = (template: LetterTemplate) => ({ form: 'letter', language: 'en', template }) as const

test('a digest says what the law asks for, what the agent collects, and where the sheet is', () => {
  const { subject, text } = writeLetter(digest, inEnglish, publicUrl)
  expect(subject).toBe('CC-2026-00015: ₹4,200.00 to collect from 42 of your members')
  for (const line of [
    'Date of death: 20 November 2026',
    'Place of death: Pune: {{ fundName }}',
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
  const elsewhere = writeLetter({ ...digest, placeOfDeath: null }, inEnglish, publicUrl)
  expect(elsewhere.text).not.toContain('Place of death')
})

test('a digest in Hindi has its dates and figures in Hindi too', () => {
  const { text } = writeLetter(digest, { form: 'letter', language: 'hi', template: null }, publicUrl)
  expect(text.split('\n')).toContain('मृत्यु की तारीख: 20 नवंबर 2026')
  expect(text).toContain('₹4,200.00')
})

test('a name with HTML in it is shown, and not run', () => {
  const html = htmlOf(writeLetter(digest, inEnglish, publicUrl), 'en')
  expect(html).toContain('Asha &lt;b&gt;Rao&lt;/b&gt;')
  expect(html).not.toContain('<script>')
  expect(html).toContain('Teachers &amp; Friends')
})

test('a member is told what the law asks for, in a letter and in a short message', () => {
  const notice = {
    ...digest,
    noticeKind: 'member-notice',
    members: null,
    amount: 10_000,
    agentName: 'Ravi',
  } as const
  for (const form of ['letter', 'short'] as const) {
    const { text } = writeLetter(notice, { ...inEnglish, form }, publicUrl)
    for (const part of [
      '20 November 2026',
      'Pune',
      'CL-2026-00007',
      '₹100.00',
      '11 December 2026',
      '4,999',
    ]) {
      expect(text).toContain(part)
    }
    expect(text).not.toContain(publicUrl)
  }
})

test('a failure says why, and that nobody has to pay', () => {
  const failed = { ...digest, noticeKind: 'cycle-failed', failureReason: 'the disk is full' } as const
  const { subject, text } = writeLetter(failed, inEnglish, publicUrl)
  expect(subject).toBe('CC-2026-00015 has failed')
  expect(text).toContain('the disk is full')
  expect(text).toContain('Nobody was asked to pay.')
})

test('the parts of a letter are its paragraphs, its facts and its link', () => {
  const link = `${publicUrl}/cycles/1`
  const text = `Dear Asha,\n\nRead: this.\n\nName: Bela\nClaim: CL-1: second\n \nThe sheet:\n${link}\n\n${link}\n\n\nOne\ntwo`
  expect(partsOf(text, link)).toEqual([
    { lines: ['Dear Asha,'] },
    { lines: ['Read: this.'] },
    {
      facts: [
        ['Name', 'Bela'],
        ['Claim', 'CL-1: second'],
      ],
    },
    { linkWords: 'The sheet' },
    { linkWords: link },
    { lines: ['One', 'two'] },
  ])
})

describe('how a fund words a letter', () => {
  const { body, subject } = letterText('agent-digest', 'letter', 'en')

  test.each(
    letterLanguages.flatMap((language) =>
      letters.map(({ noticeKind, form }) => [noticeKind, form, language] as const),
    ),
  )('Almoner’s own %s, the %s in %s, is sound', (kind, form, language) => {
    expect(faultsOf(kind, form, letterText(kind, form, language))).toEqual([])
  })

  test.each([
    ['a name nobody knows', { subject, body: `${body} {{ nickname }}` }, '/body', '"nickname"'],
    ['a name of another kind of letter', { subject: '{{ reason }}', body }, '/subject', '"reason"'],
    ['what the law asks missing', { subject, body: 'Pay, {{ recipientName }}!' }, '/body', '{{ deadline }}'],
    ['braces that do not end', { subject: '{{ cycleCode', body }, '/subject', 'not closed'],
    ['a filter there is none of', { subject, body: `${body}{{ amount | shout }}` }, '/body', 'shout'],
    ['a part of a value', { subject, body: `${body}{{ amount.minor }}` }, '/body', 'amount.minor'],
    ['a file', { subject, body: `${body}{% include "/etc/passwd" %}` }, '/body', 'cannot be read'],
    [
      'a loop without end',
      { subject, body: `${body}{% for i in (1..99999999) %}x{% endfor %}` },
      '/body',
      'takes too long',
    ],
    ['nothing in it but spaces', { subject: '{{ " " }}', body }, '/subject', 'empty'],
    [
      'much that is written and thrown away',
      {
        subject,
        body: `${body}{% for i in (1..1000) %}{% capture a %}${'x'.repeat(300)}{% endcapture %}{% endfor %}`,
      },
      '/body',
      'becomes longer than 20000 characters',
    ],
    [
      'loops in loops that write nothing',
      {
        subject,
        body: `${body}{% assign list = '${',x'.repeat(100)}' | split: ',' %}${'{% for i in list %}'.repeat(3)}{% if i %}{% endif %}${'{% endfor %}'.repeat(3)}`,
      },
      '/body',
      'takes too long',
    ],
    [
      'much that is read and not shown',
      { subject, body: `${body}{% comment %}${'x'.repeat(20_000)}{% endcomment %}` },
      '/body',
      'cannot be read',
    ],
  ])('%s is told when it is saved', (_what, template, pointer, part) => {
    const [fault, ...more] = faultsOf('agent-digest', 'letter', template)
    expect([fault?.pointer, more]).toEqual([pointer, []])
    expect(fault?.detail).toContain(part)
  })

  test('its own wording is used, and a subject is one line', () => {
    const template = { subject: 'For\n {{ recipientName }}', body: 'Dear {{ recipientName | upcase }}' }
    expect(writeLetter(digest, worded(template), publicUrl)).toMatchObject({
      subject: 'For Asha <b>Rao</b>',
      text: 'Dear ASHA <B>RAO</B>',
    })
  })

  test.each([
    ['becomes too long', `{% for i in (1..20001) %}x{% endfor %}`],
    [
      'fills the memory',
      '{% assign a = "xxxxxxxx" %}{% for i in (1..30) %}{% assign a = a | append: a %}{% endfor %}',
    ],
  ])('those of Almoner are used where its own %s', (_what, body) => {
    const sent = writeLetter(digest, worded({ subject: 'Ours', body }), publicUrl)
    expect(sent).toEqual(writeLetter(digest, inEnglish, publicUrl))
  })

  test('another fault of its own words is no reason to send others', () => {
    const wrong = worded({ subject: 'Ours', body: '{{ nickname }}' })
    expect(() => writeLetter(digest, wrong, publicUrl)).toThrow('nickname')
  })

  test('a short form may not be long, and only some letters have one', () => {
    const { subject, body } = letterText('member-notice', 'short', 'en')
    expect(faultsOf('member-notice', 'short', { subject, body: `${body} ${'x'.repeat(1_000)}` })).toEqual([
      { pointer: '/body', detail: 'It is longer than 1000 characters.' },
    ])
    expect(faultsOf('cycle-ready', 'short', { subject, body })).toEqual([
      { pointer: '/form', detail: 'There is no such form of this letter.' },
    ])
  })
})
