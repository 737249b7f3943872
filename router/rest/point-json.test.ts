import { describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { type PayloadSelector, parsePayloadSelector } from '../../core/payload-selector.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Point } from '../query/rows.ts'
import { listPieces, pointJson, scoredJson } from './point-json.ts'

const plain = {} as CollectionConfig
const named = (vectorName: string) => ({ vectorName }) as CollectionConfig
const ALL: PayloadSelector = { kind: 'all' }
const NONE: PayloadSelector = { kind: 'none' }
const point = (part: Partial<Point> = {}): Point => ({ key: idKey(1), version: 9, userVersion: 3, ...part })
const stored = (text: string) => ({ payload: Buffer.from(text) })
const vector = new Float32Array([1, 0.1])

describe('a point as JSON', () => {
  it.each<[string, Point, PayloadSelector, CollectionConfig, string]>([
    ['its id alone', point(), NONE, plain, '{"id":1}'],
    ['a text as id', point({ key: idKey('a"b') }), NONE, plain, '{"id":"a\\"b"}'],
    ['the largest id exactly', point({ key: idKey(2n ** 64n - 1n) }), NONE, plain, '{"id":18446744073709551615}'],
    [
      'a UUID with its dashes',
      point({ key: idKey('0'.repeat(31) + 'a') }),
      NONE,
      plain,
      `{"id":"00000000-0000-0000-0000-00000000000a"}`,
    ],
    ['its payload as it was stored', point(stored('{"a": 1.0}')), ALL, plain, '{"id":1,"payload":{"a": 1.0}}'],
    ['no payload as an empty one', point(stored('')), ALL, plain, '{"id":1,"payload":{}}'],
    ['an empty payload if none came', point(), ALL, plain, '{"id":1,"payload":{}}'],
    ['no payload if none is wanted', point(stored('{"a":1}')), NONE, plain, '{"id":1}'],
    [
      'the selected part of its payload',
      point(stored('{"a":1,"b":2}')),
      parsePayloadSelector(['b'], false),
      plain,
      '{"id":1,"payload":{"b":2}}',
    ],
    ['its vector', point({ vector }), NONE, plain, '{"id":1,"vector":[1,0.1]}'],
    ['its vector by the empty name', point({ vector }), NONE, named(''), '{"id":1,"vector":{"":[1,0.1]}}'],
    ['its vector by its name', point({ vector }), NONE, named('text'), '{"id":1,"vector":{"text":[1,0.1]}}'],
    ['a name as a JSON text', point({ vector }), NONE, named('a"b'), '{"id":1,"vector":{"a\\"b":[1,0.1]}}'],
    [
      'payload before vector',
      point({ vector, ...stored('{"a":1}') }),
      ALL,
      plain,
      '{"id":1,"payload":{"a":1},"vector":[1,0.1]}',
    ],
  ])('has %s', (_what, given, payload, config, text) => {
    expect(pointJson(given, payload, config)).toBe(text)
  })
})

describe('a hit as JSON', () => {
  it.each([
    [0.1, '0.1'],
    [1, '1'],
    [-0.5, '-0.5'],
  ])('has the user version and the score %d', (score, text) => {
    const hit = { ...point({ vector }), distance: 0, score }
    expect(scoredJson(hit, NONE, plain)).toBe(`{"id":1,"version":3,"score":${text},"vector":[1,0.1]}`)
  })
})

describe('a list in pieces', () => {
  it.each([
    [[], '[]'],
    [[1], '[1;]'],
    [[1, 2, 3], '[1;,2;,3;]'],
  ])('of %j is the list', (items, text) => {
    expect([...listPieces<number>(items, (item) => [String(item), ';'])].join('')).toBe(text)
  })

  it('makes an item when it is its turn, and not before', () => {
    const made: number[] = []
    const pieces = listPieces([1, 2], (item) => [String(made.push(item))])
    expect([pieces.next().value, made]).toEqual(['[', []])
    expect([pieces.next().value, made]).toEqual(['1', [1]])
    expect([pieces.next().value, made]).toEqual([',', [1]])
  })
})
