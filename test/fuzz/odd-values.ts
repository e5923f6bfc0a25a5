import fc from 'fast-check'

/** Texts that have broken programs before. */
export const oddText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud800',
    'x\udfff',
    '\ufffd',
    '\u202e\u200b',
    '\u2028',
    '\r\n',
    '\u001b[2J',
    '💀'.repeat(60),
    "'; drop table members; --",
    '%_\\',
    '=1+1',
    '"',
    '"a"',
    '__proto__',
    'constructor',
    '../../etc/passwd',
    '%00',
    '%zz',
    'null',
    'NaN',
    '-0',
    '1e3',
    '0x10',
    '١٢',
    '2026-02-30',
    '0000-01-01',
    '+010000-01-01',
    '9999-12-31T23:59:60Z',
    'é'.normalize('NFD'),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  // Lone surrogates too.
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
    .map((units) => String.fromCharCode(...units)),
  fc.integer({ min: 30, max: 300 }).map((length) => 'x'.repeat(length)),
  fc.constantFrom(5_000, 20_000).map((length) => 'long'.repeat(length)),
)

export const oddNumber = fc.oneof(
  fc.constantFrom(0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 53), Number.MAX_SAFE_INTEGER, 2 ** 63, 1e308, 5e-324),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
)

/** Anything that JSON can carry. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, false, [], {}, [[]], [null], { a: { b: [] } }),
  oddText,
  oddNumber,
  fc.jsonValue({ maxDepth: 3 }),
)
