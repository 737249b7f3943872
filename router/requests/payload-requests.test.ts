import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { PointOperation } from '../edit/edit.ts'
import { parseClearPayload, parseDeletePayload, parseOverwritePayload, parseSetPayload } from './payload-requests.ts'
import { wholeBody } from './write-requests.ts'

const config = { vectors: { '': { size: 2, metric: 'L2' } }, walBudgetBytes: 1e9 } as CollectionConfig
const place = wholeBody(config)
const condition = { must: [{ key: 'a', match: { value: 1 } }] }
const encoded =
  '{"must":[{"is":"field","path":[{"kind":"key","key":"a"}],"test":{"is":"any","values":[1]}}],"mustNot":[],"should":[]}'
const editOf = (operation: PointOperation) => {
  if (operation.is !== 'edit') throw new Error('this operation does not depend on what the points are')
  return operation.edit
}

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('an edit of payloads', () => {
  const ids = { points: [1, 'a', 1] }
  const payload = { a: 1, b: null }

  it('is of ids, each once, or of the points that match', () => {
    expect(editOf(parseSetPayload({ payload, ...ids }, place))).toEqual({
      target: { keys: ['i1', 'sa'] },
      change: { is: 'payload', edit: { is: 'set', members: payload } },
    })
    expect(editOf(parseClearPayload({ filter: condition }, place)).target).toEqual({ matching: encoded })
    expect(editOf(parseClearPayload({ filter: { must: [] } }, place)).target).toEqual({ matching: undefined })
  })

  it('sets at a path, replaces, and removes by paths', () => {
    expect(editOf(parseSetPayload({ payload, ...ids, key: 'x[0].y' }, place)).change).toEqual({
      is: 'payload',
      edit: {
        is: 'set',
        members: payload,
        at: [
          { kind: 'key', key: 'x' },
          { kind: 'index', index: 0 },
          { kind: 'key', key: 'y' },
        ],
      },
    })
    expect(editOf(parseOverwritePayload({ payload, ...ids }, place)).change).toEqual({
      is: 'payload',
      edit: { is: 'overwrite', payload: '{"a":1,"b":null}' },
    })
    expect(editOf(parseDeletePayload({ keys: ['a', 'b[]'], ...ids }, place)).change).toMatchObject({
      edit: { is: 'remove', paths: [[{ key: 'a' }], [{ key: 'b' }, { kind: 'every' }]] },
    })
  })

  it.each<[string, (body: unknown) => unknown, unknown, string, RegExp]>([
    ['no body', (body) => parseClearPayload(body, place), undefined, 'BAD_REQUEST', /^the body must be a JSON object$/],
    ['no payload', (body) => parseSetPayload(body, place), ids, 'BAD_REQUEST', /^payload must be a JSON object$/],
    ['no ids', (body) => parseSetPayload(body, place), { payload }, 'BAD_REQUEST', /^"points" must be a list of ids/],
    ['an empty list of ids', (body) => parseClearPayload(body, place), { points: [] }, 'BAD_REQUEST', /names no point/],
    ['an empty filter', (body) => parseClearPayload(body, place), { filter: {} }, 'BAD_REQUEST', /^filter is empty/],
    [
      'ids and a filter',
      (body) => parseClearPayload(body, place),
      { ...ids, filter: condition },
      'BAD_REQUEST',
      /either "points" or "filter"$/,
    ],
    ['a wrong path', (body) => parseSetPayload(body, place), { payload, ...ids, key: 'a..b' }, 'BAD_REQUEST', /^key: /],
    [
      'a key that is none',
      (body) => parseSetPayload(body, place),
      { payload, ...ids, key: 1 },
      'BAD_REQUEST',
      /^key: /,
    ],
    [
      'a key of an overwrite',
      (body) => parseOverwritePayload(body, place),
      { payload, ...ids, key: 'a' },
      'UNSUPPORTED',
      /"key" is not supported: the whole payload is replaced$/,
    ],
    ['no keys', (body) => parseDeletePayload(body, place), ids, 'BAD_REQUEST', /^"keys" must be a list of paths/],
    [
      'a wrong one of several keys',
      (body) => parseDeletePayload(body, place),
      { keys: ['a', ''], ...ids },
      'BAD_REQUEST',
      /^keys\[1\]: /,
    ],
    [
      'too many keys',
      (body) => parseDeletePayload(body, place),
      { keys: Array.from({ length: LIMITS.EDIT_KEYS_MAX.value + 1 }, () => 'a'), ...ids },
      'PAYLOAD_TOO_LARGE',
      /\(EDIT_KEYS_MAX\)$/,
    ],
    [
      'half a surrogate pair',
      (body) => parseSetPayload(body, place),
      { payload: { a: '\ud800' }, ...ids },
      'BAD_REQUEST',
      /^payload\.a holds half/,
    ],
    [
      'a payload beyond the limit',
      (body) => parseSetPayload(body, place),
      { payload: { a: 'x'.repeat(LIMITS.PAYLOAD_BYTES_MAX.value) }, ...ids },
      'PAYLOAD_TOO_LARGE',
      /^payload: .*\(PAYLOAD_BYTES_MAX\)$/,
    ],
    ['a shard key', (body) => parseClearPayload(body, place), { ...ids, shard_key: 1 }, 'UNSUPPORTED', /"shard_key"/],
    ['an unknown field', (body) => parseClearPayload(body, place), { ...ids, keys: ['a'] }, 'UNSUPPORTED', /"keys"/],
  ])('with %s is refused by name', (_what, parse, body, code, message) => {
    expect(() => parse(body)).toThrowError(error(code, message))
  })
})
