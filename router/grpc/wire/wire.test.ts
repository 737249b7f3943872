import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MaksError } from '../../../core/errors.ts'
import { FORMS } from '../forms.ts'
import { SHAPES } from '../shapes.ts'
import { decodeMessage, type Forms, type Message } from './decode.ts'
import { encodeField, encodeMessage } from './encode.ts'
import { type Field, type MessageType, parseProto } from './proto-file.ts'

const { messages, methods } = parseProto(`
syntax = "proto3";
package test; // a comment
message Unsupported {}
enum Color { Red = 0; Blue = 7; }
message Value {
  oneof kind { NullValue null_value = 1; double double_value = 2; int64 integer_value = 3; string string_value = 4;
    bool bool_value = 5; Struct struct_value = 6; ListValue list_value = 7; }
}
enum NullValue { NULL_VALUE = 0; }
message Struct { map<string, Value> fields = 1; }
message ListValue { repeated Value values = 1; }
message All {
  double d = 1; float f = 2; int32 i = 3; int64 l = 4; uint32 u = 5; uint64 v = 6; bool b = 7; string s = 8; Color c = 9;
  repeated float floats = 10; repeated int64 longs = 11; repeated string texts = 12; repeated All inner = 13;
  optional Unsupported later = 14; oneof one { string a = 15; All other = 16; } map<string, Value> map = 200;
}
service Things { rpc Do(All) returns (Value); }
`)
const ALL = messages.get('All') as MessageType

function finished<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

const decode = (bytes: Buffer | number[], type = ALL, forms: Forms = FORMS): Message =>
  finished(decodeMessage(type, Buffer.from(bytes), forms))
const encode = (value: object, type = ALL) => encodeMessage(type, value, SHAPES)

describe('a .proto file', () => {
  it('has methods by their path, with the messages that they take and give', () => {
    expect(methods.map(({ path, request, answer }) => [path, request.name, answer.name])).toEqual([
      ['/test.Things/Do', 'All', 'Value'],
    ])
  })

  it.each(['message A { B b = 1; }', 'message A { string b = 1 }', 'import "x";', 'message A {'])(
    'is refused if it has what is not understood: %s',
    (text) => {
      expect(() => parseProto(text)).toThrow(/\.proto file/)
    },
  )
})

describe('a message', () => {
  const value = {
    d: -1.5,
    f: 0.25,
    i: -7,
    l: -(2 ** 40),
    u: 2 ** 32 - 1,
    v: 2n ** 64n - 1n,
    b: true,
    s: 'Straße',
    c: 'Blue',
    floats: Float32Array.of(1, -2, 0.5),
    longs: [0, -1, 2n ** 62n],
    texts: ['', 'a'],
    inner: [{ s: 'x' }, {}],
    a: 'one',
    map: { k: [1, 'b', null], __proto__x: {} },
  }

  it('is read as it was written', () => {
    expect(decode(encode(value))).toEqual(value)
  })

  it('may have lists and messages that were encoded before', () => {
    const field = ALL.fields.get(13) as Field
    const inner = Buffer.concat([
      encodeField(field, [{ s: 'x' }], SHAPES),
      encodeField(field, [encode({ i: 1 })], SHAPES),
    ])
    expect(decode(encode({ inner }))).toEqual({ inner: [{ s: 'x' }, { i: 1 }] })
  })

  it('has the values of any JSON that it was given', () => {
    const json = fc.jsonValue({ maxDepth: 4 })
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (map) => {
        expect(JSON.stringify(decode(encode({ map })).map ?? {})).toEqual(JSON.stringify({ ...map }))
      }),
    )
  })

  it('has an own member of the name __proto__, and gives no object another prototype', () => {
    const map = JSON.parse('{"__proto__": {"x": 1}}') as object
    const read = decode(encode({ map })).map as object
    expect(JSON.stringify(read)).toBe('{"__proto__":{"x":1}}')
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  })

  it('has floats packed, alone, or both, at any address', () => {
    const bytes = (...floats: number[]) => Buffer.from(Float32Array.from(floats).buffer)
    const packed = (...floats: number[]) => [0x52, 4 * floats.length, ...bytes(...floats)]
    const alone = (float: number) => [0x55, ...bytes(float)]
    const read = decode([...packed(1, 2), ...alone(3), ...alone(4), ...packed(5), ...packed()])
    expect(read).toEqual({ floats: Float32Array.of(1, 2, 3, 4, 5) })
  })

  it('of many bytes is read in slices', () => {
    const large = encode({ inner: [{ inner: Array.from({ length: 10_000 }, () => ({ s: 'x' })) }] })
    let steps = 0
    const work = decodeMessage(ALL, large, FORMS)
    while (!work.next().done) steps++
    expect(steps).toBeGreaterThan(10_000)
  })

  const deep = (levels: number): object => (levels === 0 ? {} : { inner: [deep(levels - 1)] })

  it.each([
    ['a field that is not supported', [0x72, 0], 'UNSUPPORTED', 'the message: "later" is not supported'],
    ['the same within another message', [0x6a, 2, 0x72, 0], 'UNSUPPORTED', 'inner: "later" is not supported'],
    ['a number that is not known', [0x88, 0x27, 1], 'UNSUPPORTED', 'field 625 of All is not known'],
    ['a word that is not known', [0x48, 3], 'UNSUPPORTED', 'the value 3 of "c" is not supported'],
    ['a field twice', [0x38, 1, 0x38, 1], 'BAD_REQUEST', '"b" is there twice'],
    ['two of a oneof', [0x7a, 0, 0x82, 1, 0], 'BAD_REQUEST', '"other" and "a" exclude each other'],
    ['a key twice', [0xc2, 12, 3, 10, 1, 65, 0xc2, 12, 3, 10, 1, 65], 'BAD_REQUEST', 'two entries of one key'],
    ['a text that is no UTF-8', [0x42, 1, 0xff], 'BAD_REQUEST', '"s" is not valid UTF-8'],
    ['a text that is cut off', [0x42, 5, 65], 'BAD_REQUEST', 'cut off'],
    ['a float that is cut off', [0x15, 0], 'BAD_REQUEST', 'cut off'],
    ['floats that are cut off', [0x52, 3, 0, 0, 0], 'BAD_REQUEST', 'no whole number of floats'],
    ['an integer that does not end', [0x38, ...Array.from({ length: 11 }, () => 0xff)], 'BAD_REQUEST', 'does not end'],
    ['more than 32 bits', [0x28, 0xff, 0xff, 0xff, 0xff, 0x1f], 'BAD_REQUEST', '"u" is more than 32 bits'],
    ['another type on the wire', [0x3a, 0], 'BAD_REQUEST', '"b" has another type on the wire'],
    ['a group', [0x6b], 'BAD_REQUEST', '"inner" has another type on the wire'],
    ['messages that are nested too deep', [...encode(deep(500))], 'BAD_REQUEST', 'nested deeper'],
  ])('with %s is refused', (_what, bytes, code, words) => {
    const error = expect.objectContaining({ code, message: expect.stringContaining(words) })
    expect(() => decode(bytes)).toThrow(error)
  })

  it('with more values than a body may have is refused, however short they are', () => {
    const empty = Buffer.alloc(2 * 2 ** 20, Buffer.from([0x6a, 0]))
    expect(() => decode(empty)).toThrow(/LIST_VALUES_MAX|BODY_VALUES_MAX/)
  })

  it('of any bytes is read or refused with an error of the catalogue', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode(Buffer.from(bytes))
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(MaksError)
          expect(['BAD_REQUEST', 'UNSUPPORTED', 'PAYLOAD_TOO_LARGE']).toContain((thrown as MaksError).code)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
