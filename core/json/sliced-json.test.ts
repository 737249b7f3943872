import { describe, expect, it } from 'vitest'
import { seededRandom } from '../random.ts'
import { exactParse } from './exact-json.ts'
import { parseInSlices } from './sliced-json.ts'

function parsed(text: string, sliceBytes: number): { value: unknown; slices: number } {
  const work = parseInSlices(Buffer.from(text), { sliceBytes })
  for (let slices = 1; ; slices++) {
    const step = work.next()
    if (step.done) return { value: step.value, slices }
  }
}

function outcome(parse: () => unknown): unknown {
  try {
    return { value: parse() }
  } catch (error) {
    return { code: (error as { code: string }).code }
  }
}

const LEAVES = [
  '1',
  '-0.5e3',
  '18446744073709551615',
  'true',
  'null',
  '""',
  '"a,]}\\""',
  '"\\\\"',
  '"é\\u00e9[{"',
  '{}',
  '[ ]',
]
const KEYS = ['"a"', '"b"', '"__proto__"', '"7"', '"\\"}"', '"a b"', '"ü"']

function randomJson(random: () => number, depth: number): string {
  const blank = () => (random() < 0.2 ? [' ', '\n', '\t '][Math.floor(random() * 3)] : '')
  const kind = random()
  if (depth === 0 || kind < 0.3) return LEAVES[Math.floor(random() * LEAVES.length)] as string
  const parts = Array.from({ length: Math.floor(random() * 5) }, () => randomJson(random, depth - 1))
  if (kind < 0.65) return `[${blank()}${parts.map((part) => blank() + part + blank()).join(',')}]`
  const members = parts.map(
    (part) => `${blank()}${KEYS[Math.floor(random() * KEYS.length)]}${blank()}:${blank()}${part}`,
  )
  return `{${members.join(`${blank()},`)}${blank()}}`
}

function damaged(random: () => number, text: string): string {
  const at = Math.floor(random() * (text.length + 1))
  const marks = [',', ']', '}', '[', '{', '"', ':', '1', ' ', '\\', '']
  return text.slice(0, at) + marks[Math.floor(random() * marks.length)] + text.slice(at + (random() < 0.5 ? 1 : 0))
}

describe('JSON in slices', () => {
  it('is the value that it is in one piece, or is refused where that is', () => {
    const random = seededRandom(7)
    let refused = 0
    for (let round = 0; round < 15_000; round++) {
      const whole = randomJson(random, 4)
      const text = round % 3 === 0 ? whole : damaged(random, whole)
      const expected = outcome(() => exactParse(text))
      for (const slice of [1, 3, 16])
        expect(
          outcome(() => parsed(text, slice).value),
          `${text} by ${slice}`,
        ).toEqual(expected)
      if ('code' in (expected as object)) refused++
    }
    expect(refused).toBeGreaterThan(2000)
  })

  it('keeps the order of members, and a member that is named like the prototype', () => {
    const text = '{"b":[1,2,3],"__proto__":{"x":[1,2]},"a":{"c":[{}]},"b":5}'
    const { value } = parsed(text, 1)
    expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)))
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  it('comes in steps that are short, whatever is nested or long', () => {
    const texts = [
      `[${'{},'.repeat(300_000)}{}]`,
      `{"a":${'['.repeat(90_000)}${']'.repeat(90_000)}}`,
      `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":1`).join(',')}}`,
      `{"points":[{"payload":{"x":[${'1,'.repeat(400_000)}1]}}]}`,
    ]
    for (const text of texts) expect(parsed(text, 64 * 1024).slices).toBeGreaterThanOrEqual(text.length / (70 * 1024))
  })

  it.each([
    ['BODY_VALUES_MAX', () => `[${'[[],[],[],[]],'.repeat(500_000)}1]`],
    ['BODY_VALUES_MAX', () => `[${'{"a":1,"b":1,"c":1,"d":1},'.repeat(600_000)}1]`],
    ['LIST_VALUES_MAX', () => `[${'1,'.repeat(1_100_000)}1]`],
    ['TEXT_BYTES_MAX', () => `["${'x'.repeat(7_000_000)}"]`],
    ['NUMBER_CHARS_MAX', () => `[${'9'.repeat(100_000)}]`],
  ])('is refused by the name of the limit %s where it is beyond it', (name, text) => {
    expect(() => parsed(text(), 64 * 1024)).toThrow(name)
  })

  it('is refused where it is nested without end', () => {
    expect(() => parsed('['.repeat(200_000), 64 * 1024)).toThrow(/nested deeper/)
  })
})
