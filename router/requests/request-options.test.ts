import { describe, expect, it } from 'vitest'
import { checkOutside, type Outside, readParams, sessionToken, timeoutMs, writeOptions } from './request-options.ts'

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })
const inQuery = (query: Outside['query']): Outside => ({ query, headers: {} })
const inHeader = (headers: Outside['headers']): Outside => ({ query: {}, headers })
const NOTHING = inQuery({})

describe('the options of a read', () => {
  it('that has none are these', () => {
    const absent = {
      read: { consistency: 'default', token: undefined, maxStalenessMs: 5000 },
      probing: { exact: false, partial: false },
    }
    expect(readParams(NOTHING, undefined)).toEqual(absent)
    expect(readParams(NOTHING, null)).toEqual(absent)
    expect(readParams(NOTHING, {})).toEqual(absent)
    const names = ['probes', 'recall_target', 'exact', 'partial', 'consistency', 'token', 'max_staleness_ms']
    expect(readParams(NOTHING, Object.fromEntries(names.map((name) => [name, null])))).toEqual(absent)
  })

  it.each(['hnsw_ef', 'indexed_only', 'quantization', 'acorn'])('take "%s", which has no meaning here', (name) => {
    expect(readParams(NOTHING, { [name]: { any: 1 } })).toEqual(readParams(NOTHING, {}))
  })

  it.each<[string, unknown, string, RegExp]>([
    ['an unknown one', { speed: 1 }, 'UNSUPPORTED', /^params: "speed" is not supported$/],
    ['a list', [], 'BAD_REQUEST', /^params must be a JSON object$/],
    ['a text', 'exact', 'BAD_REQUEST', /^params must be a JSON object$/],
  ])('that are %s are refused by name', (_what, params, code, message) => {
    expect(() => readParams(NOTHING, params)).toThrowError(error(code, message))
  })

  it('of a query in a batch are named with its place', () => {
    expect(() => readParams(NOTHING, { probes: 0 }, 'searches[2].params')).toThrowError(
      error('BAD_REQUEST', /^searches\[2\]\.params: "probes"/),
    )
  })
})

type Read = ReturnType<typeof readParams>

/** Each number: its name in `params` and outside, its bounds, whether it is whole, and where it arrives. */
const NUMBERS: [string, string, number, number, boolean, (read: Read) => unknown][] = [
  ['probes', 'maksdb-probes', 1, 1_000_000, true, ({ probing }) => probing.probes],
  ['recall_target', 'maksdb-recall-target', 0, 1, false, ({ probing }) => probing.recallTarget],
  ['max_staleness_ms', 'maksdb-max-staleness-ms', 0, 3_600_000, true, ({ read }) => read.maxStalenessMs],
]

describe.each(NUMBERS)('%s', (name, outside, min, max, integer, get) => {
  const sources: [string, (value: number | string) => Read][] = [
    ['params', (value) => readParams(NOTHING, { [name]: value })],
    ['the query string', (value) => readParams(inQuery({ [outside]: String(value) }), undefined)],
    ['a header', (value) => readParams(inHeader({ [outside]: String(value) }), undefined)],
  ]

  it.each(sources)('in %s is read from its least to its most', (_source, read) => {
    expect([get(read(min)), get(read(max))]).toEqual([min, max])
  })

  it.each(sources)('in %s is refused by name beyond its bounds', (_source, read) => {
    const message = new RegExp(`"(${name}|${outside})" must be .*from ${min} to ${max}`)
    expect(() => read(max + 1)).toThrowError(error('BAD_REQUEST', message))
    if (min > 0) expect(() => read(min - 1)).toThrowError(error('BAD_REQUEST', message))
    expect(() => read(-1)).toThrowError(error('BAD_REQUEST', new RegExp(`"(${name}|${outside})"`)))
  })

  it.each(sources)('in %s is refused by name if it is no number', (_source, read) => {
    for (const text of ['', ' ', 'many', '0x1', '1e0', 'NaN', 'Infinity', '1,2', '+1', '1.', '.5'])
      expect(() => read(text)).toThrowError(error('BAD_REQUEST', new RegExp(`"(${name}|${outside})"`)))
  })

  it.each(sources)('in %s is whole if it must be', (_source, read) => {
    if (integer) expect(() => read(min + 0.5)).toThrowError(error('BAD_REQUEST', /a whole number/))
    else expect(get(read(0.5))).toBe(0.5)
  })

  it('in params comes before the query string, which comes before the header', () => {
    const all: Outside = { query: { [outside]: String(max) }, headers: { [outside]: String(min) } }
    expect(get(readParams(all, { [name]: min }))).toBe(min)
    expect(get(readParams(all, { [name]: null }))).toBe(max)
  })

  it('is refused in the query string although params have it, too', () => {
    expect(() => readParams(inQuery({ [outside]: 'x' }), { [name]: min })).toThrowError(
      error('BAD_REQUEST', new RegExp(`"${outside}"`)),
    )
  })

  it('given twice in the query string is refused by name', () => {
    const twice = inQuery({ [outside]: [String(min), String(min)] })
    expect(() => readParams(twice, {})).toThrowError(
      error('BAD_REQUEST', new RegExp(`"${outside}" is given more than once`)),
    )
  })

  it('given twice as a header is refused by name', () => {
    const twice = inHeader({ [outside]: [String(min), String(min)] })
    expect(() => readParams(twice, {})).toThrowError(error('BAD_REQUEST', new RegExp(`"${outside}"`)))
  })

  it('shows at most the beginning of a wrong value', () => {
    expect(() => readParams(inHeader({ [outside]: 'y'.repeat(5000) }), {})).toThrowError(
      error('BAD_REQUEST', /"y{100}"$/),
    )
  })
})

const FLAGS: [string, string, (read: Read) => unknown][] = [
  ['exact', 'maksdb-exact', ({ probing }) => probing.exact],
  ['partial', 'maksdb-partial', ({ probing }) => probing.partial],
]

describe.each(FLAGS)('%s', (name, outside, get) => {
  it.each([true, false])('in params may be %s', (value) => {
    expect(get(readParams(NOTHING, { [name]: value }))).toBe(value)
  })

  it.each(['true', 'false', 1, 0, []])('in params must not be %j', (value) => {
    expect(() => readParams(NOTHING, { [name]: value })).toThrowError(
      error('BAD_REQUEST', new RegExp(`^params: "${name}" must be true or false$`)),
    )
  })

  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ])('in the query string or a header may be %s', (text, expected) => {
    expect(get(readParams(inQuery({ [outside]: text }), {}))).toBe(expected)
    expect(get(readParams(inHeader({ [outside]: text }), {}))).toBe(expected)
  })

  it.each(['', 'yes', 'TRUE', '2', 'true, true'])('in the query string or a header must not be "%s"', (text) => {
    const refusal = error('BAD_REQUEST', new RegExp(`^"${outside}" must be true or false`))
    expect(() => readParams(inQuery({ [outside]: text }), {})).toThrowError(refusal)
    expect(() => readParams(inHeader({ [outside]: text }), {})).toThrowError(refusal)
  })

  it('in params comes before the query string', () => {
    expect(get(readParams(inQuery({ [outside]: 'true' }), { [name]: false }))).toBe(false)
  })
})

describe('consistency', () => {
  const of = (value: unknown) => readParams(NOTHING, { consistency: value }).read.consistency

  it.each([
    ['eventual', 'eventual'],
    ['bounded', 'bounded'],
    ['session', 'session'],
    ['strong', 'strong'],
    ['majority', 'default'],
    ['quorum', 'default'],
    ['all', 'default'],
    ['2', 'default'],
  ])('"%s" is read as %s in params, in the query string under both names, and in a header', (value, expected) => {
    expect(of(value)).toBe(expected)
    for (const outside of [
      inQuery({ consistency: value }),
      inQuery({ 'maksdb-consistency': value }),
      inHeader({ 'maksdb-consistency': value }),
    ])
      expect(readParams(outside, {}).read.consistency).toBe(expected)
  })

  it.each([0, 1, 3])('may be the number of replicas %d of Qdrant, which asks for nothing more', (value) => {
    expect(of(value)).toBe('default')
  })

  it.each([-1, 1.5, '', '-1', '1.5', 'Strong', 'default', true, [], ['strong'], {}])(
    '%j is refused by name',
    (value) => {
      expect(() => of(value)).toThrowError(
        error('BAD_REQUEST', /^consistency must be eventual, bounded, session, strong/),
      )
    },
  )

  it('given twice in the query string is refused by name', () => {
    const strong = ['strong', 'strong']
    for (const query of [{ consistency: strong }, { 'maksdb-consistency': strong }])
      expect(() => readParams(inQuery(query), {})).toThrowError(error('BAD_REQUEST', /consistency/))
  })

  it('in params comes before maksdb-consistency, which comes before consistency', () => {
    const both = inQuery({ 'maksdb-consistency': 'bounded', consistency: 'strong' })
    expect(readParams(both, { consistency: 'eventual' }).read.consistency).toBe('eventual')
    expect(readParams(both, {}).read.consistency).toBe('bounded')
  })
})

describe('a session token', () => {
  const token = { generation: 2, version: 7 }

  it.each<[string, Read]>([
    ['params', readParams(NOTHING, { token: 's1.2.7' })],
    ['the query string', readParams(inQuery({ 'maksdb-token': 's1.2.7' }), {})],
    ['a header', readParams(inHeader({ 'maksdb-token': 's1.2.7' }), {})],
  ])('in %s makes the read one of its session', (_source, { read }) => {
    expect(read).toMatchObject({ consistency: 'session', token })
  })

  it('goes with consistency session', () => {
    expect(readParams(NOTHING, { token: 's1.2.7', consistency: 'session' }).read).toMatchObject({
      consistency: 'session',
      token,
    })
  })

  it.each(['strong', 'eventual', 'majority', 2])('does not go with consistency %j', (consistency) => {
    expect(() => readParams(NOTHING, { token: 's1.2.7', consistency })).toThrowError(
      error('BAD_REQUEST', /^"token" goes with consistency session/),
    )
  })

  it.each([undefined, null, ''])('of %j begins a session', (value) => {
    expect(sessionToken(value)).toBeUndefined()
    expect(readParams(NOTHING, { token: value, consistency: 'session' }).read).toMatchObject({
      consistency: 'session',
      token: undefined,
    })
  })

  it.each([7, true, [], {}, 'x', 's1', 's2.0.1'])('of %j is refused by name', (value) => {
    expect(() => readParams(NOTHING, { token: value })).toThrowError(error('BAD_REQUEST', /^"token" must be/))
  })
})

describe('timeout', () => {
  const limits = { timeoutMs: 1234 }

  it.each<[string, unknown, number]>([
    ['absent', undefined, 1234],
    ['empty', '', 1234],
    ['whole seconds', '5', 5000],
    ['a fraction of a second', '0.25', 250],
    ['the most', '300', 300_000],
  ])('that is %s is read', (_what, text, expected) => {
    expect(timeoutMs(inQuery(text === undefined ? {} : { timeout: text }), limits)).toBe(expected)
  })

  it.each(['0', '0.0', '-1', '300.1', '301', '1e1', '0x10', ' 5', 'soon', 'NaN', 'Infinity', ['5', '5'], ['5']])(
    'of %j is refused by name',
    (timeout) => {
      expect(() => timeoutMs(inQuery({ timeout }), limits)).toThrowError(
        error('BAD_REQUEST', /^"timeout" must be a number of seconds up to 300$/),
      )
    },
  )
})

describe('the options of a write', () => {
  it('that has none are these', () => {
    expect(writeOptions(NOTHING, 1)).toEqual({
      wait: false,
      token: undefined,
      idempotencyKey: undefined,
      ifVersion: undefined,
    })
  })

  it.each([
    ['true', true],
    ['false', false],
  ])('take wait=%s', (wait, expected) => {
    expect(writeOptions(inQuery({ wait }), 1).wait).toBe(expected)
  })

  it.each(['', '1', 'TRUE', ['true', 'true']])('refuse wait=%j by name', (wait) => {
    expect(() => writeOptions(inQuery({ wait }), 1)).toThrowError(
      error('BAD_REQUEST', /^"wait" must be true or false$/),
    )
  })

  it.each(['weak', 'medium', 'strong'])('take ordering=%s', (ordering) => {
    expect(() => writeOptions(inQuery({ ordering }), 1)).not.toThrow()
  })

  it.each(['', 'total', ['weak', 'weak']])('refuse ordering=%j by name', (ordering) => {
    expect(() => writeOptions(inQuery({ ordering }), 1)).toThrowError(
      error('BAD_REQUEST', /^"ordering" must be weak, medium or strong$/),
    )
  })

  it.each(['!', '~', 'order-17', 'x'.repeat(255)])('take the idempotency key %s', (key) => {
    expect(writeOptions(inHeader({ 'idempotency-key': key }), 1).idempotencyKey).toBe(key)
  })

  it.each(['', ' ', 'a b', 'é', '\x7f', 'x'.repeat(256)])('refuse the idempotency key %j by name', (key) => {
    expect(() => writeOptions(inHeader({ 'idempotency-key': key }), 1)).toThrowError(
      error('BAD_REQUEST', /^"Idempotency-Key" must be 1 to 255 visible ASCII characters$/),
    )
  })

  it.each([
    ['0', 0],
    ['7', 7],
    ['999999999999999', 999_999_999_999_999],
  ])('take the version %s that the one point must have', (text, expected) => {
    expect(writeOptions(inHeader({ 'maksdb-if-version': text }), 1).ifVersion).toBe(expected)
  })

  it.each(['', '-1', '1.5', '1e3', 'new', '1000000000000000'])('refuse the version %j by name', (text) => {
    expect(() => writeOptions(inHeader({ 'maksdb-if-version': text }), 1)).toThrowError(
      error('BAD_REQUEST', /^"maksdb-if-version" must be a version$/),
    )
  })

  it.each([0, 2])('refuse a version for %d points by name', (points) => {
    expect(() => writeOptions(inHeader({ 'maksdb-if-version': '1' }), points)).toThrowError(
      error('BAD_REQUEST', /^"maksdb-if-version" speaks of one point/),
    )
  })

  it('take a token of the session from the query string before the header', () => {
    const both = { query: { 'maksdb-token': 's1.0.1' }, headers: { 'maksdb-token': 's1.0.2' } }
    expect(writeOptions(both, 1).token).toEqual({ generation: 0, version: 1 })
    expect(writeOptions(inHeader(both.headers), 1).token).toEqual({ generation: 0, version: 2 })
    expect(() => writeOptions(inHeader({ 'maksdb-token': 'x' }), 1)).toThrowError(error('BAD_REQUEST', /"token"/))
  })
})

describe('what stands outside of the body', () => {
  const NAMES = [
    'maksdb-probes',
    'maksdb-recall-target',
    'maksdb-exact',
    'maksdb-partial',
    'maksdb-consistency',
    'maksdb-token',
    'maksdb-max-staleness-ms',
  ]

  it.each(['wait', 'ordering', 'timeout', 'consistency', ...NAMES])('may be the query parameter %s', (name) => {
    expect(() => checkOutside(inQuery({ [name]: 'x' }))).not.toThrow()
  })

  it.each([...NAMES, 'maksdb-if-version', 'idempotency-key', 'x-request-id', 'accept'])(
    'may be the header %s',
    (name) => {
      expect(() => checkOutside(inHeader({ [name]: 'x' }))).not.toThrow()
    },
  )

  it.each(['exact', 'probes', 'Wait', 'maksdb-if-version', 'idempotency-key', ''])(
    'is refused by name as the query parameter "%s"',
    (name) => {
      expect(() => checkOutside(inQuery({ [name]: 'x' }))).toThrowError(
        error('UNSUPPORTED', new RegExp(`^the query parameter "${name}" is not supported$`)),
      )
    },
  )

  it.each(['maksdb-speed', 'maksdb-'])('is refused by name as the header "%s"', (name) => {
    expect(() => checkOutside(inHeader({ [name]: 'x' }))).toThrowError(
      error('UNSUPPORTED', new RegExp(`^the header "${name}" is not supported$`)),
    )
  })

  it('is refused with the beginning of a long name', () => {
    expect(() => checkOutside(inQuery({ ['x'.repeat(5000)]: '' }))).toThrowError(error('UNSUPPORTED', /"x{100}" is/))
    expect(() => checkOutside(inHeader({ [`maksdb-${'x'.repeat(5000)}`]: '' }))).toThrowError(
      error('UNSUPPORTED', /"maksdb-x{93}" is/),
    )
  })
})
