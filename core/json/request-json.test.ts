import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exactParse, exactStringify } from './exact-json.ts'
import { checkStorable, parseRequestJson } from './request-json.ts'

function parseBytes(bytes: Buffer): unknown {
  const work = parseRequestJson(bytes)
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

const parse = (text: string) => parseBytes(Buffer.from(text))

describe('the JSON of a request', () => {
  it('is what JSON.parse makes of it, where no name comes twice', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), fc.constantFrom(0, 1, 4), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expect(exactStringify(parse(text))).toBe(exactStringify(exactParse(text)))
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['{"limit":1,"limit":2}', '"limit"'],
    ['{"a":{"b":1},"c":[{"b":1,"x":"}{","b":2}]}', '"b"'],
    ['{"a":1,"\\u0061":2}', '"a"'],
    ['{"say \\"hi\\"":1 , "say \\"hi\\"" : 2}', '"say \\"hi\\""'],
    ['{"__proto__":1,"__proto__":2}', '"__proto__"'],
    ['{"":1,"":1}', '""'],
    ['{"\\\\":1,"\\\\":1}', '"\\\\"'],
  ])('%s is refused, and names the member', (text, name) => {
    expect(() => parse(text)).toThrow(`the body holds two members of one object with the name ${name}`)
  })

  it.each([
    '{"a":"b\\\\","c":":"}',
    '{"a":":","b":"\\":"}',
    '[{"a":1},{"a":1}]',
    '{"a":{"a":{"a":1}}}',
    '":"',
    'null',
    '1',
  ])('%s is accepted: no object has a name twice', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
  })

  it.each([[0xff], [0xc3, 0x28], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]])(
    'bytes that are no UTF-8 are refused (%#)',
    (...bytes) => {
      const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')])
      expect(() => parseBytes(body)).toThrow('the body is not valid UTF-8')
    },
  )

  it('is refused for a name that comes twice also where the body is long, in steps that are short', () => {
    const member = (i: number) => `"k${i}":{"x":[${i}],"text":"{\\"x\\":1,\\"x\\":2}"}`
    const members = Array.from({ length: 40_000 }, (_, i) => member(i)).join(',')
    expect(Object.keys(parse(`{${members}}`) as object)).toHaveLength(40_000)
    const work = parseRequestJson(Buffer.from(`{${members},"k7":1}`))
    let steps = 0
    expect(() => {
      while (work.next().done !== true) steps++
    }).toThrow('the name "k7"')
    expect(steps).toBeGreaterThan(100)
  })

  it('is counted in short steps, also where few objects have many members', () => {
    const objects = 3
    const members = Array.from({ length: 2000 }, (_, i) => `"${i.toString(36)}":1`).join()
    const work = parseRequestJson(Buffer.from(`[${Array.from({ length: objects }, () => `{${members}}`).join()}]`))
    let steps = 0
    while (work.next().done !== true) steps++
    // Once for the names of each object, and once for its members.
    expect(steps).toBeGreaterThanOrEqual(2 * objects)
  })

  it('is read in linear time, however it is nested', () => {
    const deep = `${'{"a":'.repeat(90_000)}1${'}'.repeat(90_000)}`
    expect(() => parse(deep)).not.toThrow()
    expect(() => parse(`{"x":"${'\\'.repeat(200_000)}","x":1}`)).toThrow('two members')
  })
})

describe('a payload that can be stored as it is', () => {
  const check = (text: string) => () => checkStorable(parse(text), 'payload')

  it.each([
    ['{"price":1e999}', /payload\.price is a number beyond/],
    ['{"a":[1,{"b":-1e400}]}', /payload\.a\.1\.b is a number beyond/],
    [`{"a":1${'0'.repeat(400)}}`, /payload\.a is a number beyond/],
    [`{"a":1${'0'.repeat(400)}.5}`, /payload\.a is a number beyond/],
    ['{"a":"\\ud800"}', /payload\.a holds half of a surrogate pair/],
    ['{"a":["\\udc00x"]}', /payload\.a\.0 holds half of a surrogate pair/],
    ['{"\\ud83d":1}', /payload has a name with half of a surrogate pair/],
    [`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`, /nested deeper/],
  ])('%s is refused, and what is wrong is named', (text, says) => {
    expect(check(text)).toThrow(says)
  })

  it.each([
    '{"a":1.7976931348623157e308,"b":5e-324,"c":1e-999}',
    '{"a":18446744073709551615}',
    '{"a":"\\ud83d\\ude00"}',
    '{}',
  ])('%s is accepted', (text) => {
    expect(check(text)).not.toThrow()
  })
})
