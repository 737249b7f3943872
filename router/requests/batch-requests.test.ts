import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { inSlices } from '../../runtime/slices.ts'
import { parseOperations } from './batch-requests.ts'

const config = { vectors: { '': { size: 2, metric: 'L2' } }, walBudgetBytes: 1e9 } as CollectionConfig
const point = (part: object) => ({ points: [{ id: 1, vector: [1, 2], ...part }] })
const batch = (part: object) => ({ batch: { ids: [1], vectors: [[1, 2]], ...part } })
const condition = { must: [{ key: 'a', match: { value: 1 } }] }

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

type Refusal = [what: string, body: unknown, code: string, message: RegExp]

describe('a batch of operations', () => {
  const parse = (...operations: unknown[]) => inSlices(parseOperations({ operations }, config))

  it('has every kind of operation, in their order', async () => {
    const operations = await parse(
      { upsert: point({}) },
      { upsert: batch({}) },
      { delete: { points: [1] } },
      { delete: { filter: condition } },
      { set_payload: { payload: {}, points: [1], key: 'a' } },
      { overwrite_payload: { payload: {}, filter: condition } },
      { delete_payload: { keys: ['a'], points: [1] } },
      { clear_payload: { points: [1] } },
      { update_vectors: point({}) },
    )
    expect(operations.map((one) => (one.is === 'edit' ? one.edit.change.is : one.is))).toEqual(
      'writes writes writes delete payload payload payload payload vectors'.split(' '),
    )
  })

  it.each<Refusal>([
    ['no list', { operations: {} }, 'BAD_REQUEST', /^"operations" must be a list/],
    ['an operation without a name', { operations: [{}] }, 'BAD_REQUEST', /^operations\[0\] must have one member/],
    [
      'an operation with two names',
      { operations: [{ upsert: point({}), delete: { points: [1] } }] },
      'BAD_REQUEST',
      /^operations\[0\] must have one member, which names the operation: upsert, delete, set_payload/,
    ],
    ['an unknown one', { operations: [{ insert: {} }] }, 'UNSUPPORTED', /^operations\[0\]: "insert" is not supported$/],
    [
      'a wrong second one',
      { operations: [{ delete: { points: [1] } }, { upsert: { points: [{ id: 1, vector: [1] }] } }] },
      'BAD_REQUEST',
      /^operations\[1\]\.upsert\.points\[0\]\.vector has 1 values/,
    ],
    [
      'a wrong filter',
      { operations: [{ clear_payload: { filter: { must: [1] } } }] },
      'BAD_REQUEST',
      /^operations\[0\]\.clear_payload\.filter\.must\[0\]/,
    ],
    [
      'a deleted vector',
      { operations: [{ delete_vectors: { points: [1], vector: [''] } }] },
      'UNSUPPORTED',
      /^operations\[0\]\.delete_vectors\.vector: "" is the only vector/,
    ],
    [
      'too many operations',
      { operations: Array.from({ length: LIMITS.OPERATIONS_MAX.value + 1 }, () => ({})) },
      'PAYLOAD_TOO_LARGE',
      /\(OPERATIONS_MAX\)$/,
    ],
    [
      'too many points in all',
      {
        operations: [0, 1].map((half) => ({
          delete: { points: Array.from({ length: LIMITS.WRITE_POINTS_MAX.value / 2 + half }, (_, id) => id) },
        })),
      },
      'PAYLOAD_TOO_LARGE',
      /^the points of "operations": 50001 is more than 50000/,
    ],
  ])('with %s is refused as a whole', async (_what, body, code, message) => {
    await expect(inSlices(parseOperations(body, config))).rejects.toThrowError(error(code, message))
  })
})
