import { describe, expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import { idKey } from '../../core/ids.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { OpenCall } from '../../runtime/call.ts'
import type { Collection } from '../cluster/collection.ts'
import type { WriteOptions } from '../write/writes.ts'
import type { PointOperation } from './edit.ts'
import { PointWrites, type WriteRequest } from './point-writes.ts'

const collection = {
  config: { durability: 'Fsync', walBudgetBytes: 1e9 } as CollectionConfig,
  topology: { generation: 0 },
} as unknown as Collection
const remove = (...ids: number[]): PointOperation => ({ is: 'writes', writes: ids.map((id) => ({ key: idKey(id) })) })
const request: WriteRequest = { wait: true, idempotencyKey: undefined, ifVersion: undefined, token: undefined }

/** Writes that end with the errors of a list, one after the other; undefined for none. */
function ending(...errors: (MaksError | undefined)[]) {
  const asked: WriteOptions[] = []
  const write = async (_collection: Collection, _writes: unknown, options: WriteOptions) => {
    const error = errors[asked.length]
    asked.push(options)
    if (error) throw error
    return { version: asked.length }
  }
  const reads = {
    retrieve: () => Promise.reject(new Error('no read')),
    scroll: () => Promise.reject(new Error('none')),
  }
  const writes = new PointWrites({ reads, writes: { write }, textFields: async () => new Map() })
  const batch = (operations: PointOperation[], more: Partial<WriteRequest> = {}) =>
    writes.batch(collection, operations, { ...request, ...more }, new OpenCall(1000))
  return { batch, asked }
}

describe('a batch of operations', () => {
  it('has an answer for each, and the token of the newest state that it made', async () => {
    const answers = await ending().batch([remove(1), remove(2)])
    expect(answers.map(({ version, visible }) => [version, visible])).toEqual([
      [1, true],
      [2, true],
    ])
    expect(answers.map(({ report }) => report?.token)).toEqual(['s1.0.1', 's1.0.2'])
  })

  it.each<[string, MaksError[], number, string, string[]]>([
    ['the first', [new MaksError('CONFLICT', 'no')], 0, 'CONFLICT', ['failed', 'not applied', 'not applied']],
    [
      'the first, for now',
      [new MaksError('NO_PRIMARY', 'no')],
      0,
      'NO_PRIMARY',
      ['failed', 'not applied', 'not applied'],
    ],
    ['a later one for good', [new MaksError('NOT_FOUND', 'no')], 1, 'NOT_FOUND', ['applied', 'failed', 'not applied']],
    [
      'a later one, for now: a part is applied',
      [new MaksError('OVERLOADED', 'no')],
      2,
      'UNKNOWN_OUTCOME',
      ['applied', 'applied', 'failed'],
    ],
    [
      'one with an unknown outcome',
      [new MaksError('UNKNOWN_OUTCOME', 'no', { details: { cells: { 0: 'unknown' } } })],
      1,
      'UNKNOWN_OUTCOME',
      ['applied', 'unknown', 'not applied'],
    ],
  ])('that ends at %s says what each has come to', async (_what, [error], at, code, operations) => {
    const { batch, asked } = ending(...Array.from({ length: at }, () => undefined), error)
    await expect(batch([remove(1), remove(2), remove(3)])).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`operations[${at}]: no`),
      details: { operations, ...error?.details },
    })
    expect(asked).toHaveLength(at + 1)
  })

  it('under an idempotency key has one for each operation, the first that of the request, and one digest', async () => {
    const keysOf = async (operations: PointOperation[]) => {
      const { batch, asked } = ending()
      await batch(operations, { idempotencyKey: 'a' })
      return asked.map(({ idempotency }) => idempotency)
    }
    const [one, two] = await keysOf([remove(1), remove(1)])
    expect(one?.key).not.toBe(two?.key)
    expect(one?.digest).toBe(two?.digest)
    const [other] = await keysOf([remove(1)])
    expect(other?.key).toBe(one?.key)
    expect(other?.digest).not.toBe(one?.digest)
    await expect(
      keysOf([
        remove(...Array.from({ length: 600 }, (_, id) => id)),
        remove(...Array.from({ length: 401 }, (_, id) => id)),
      ]),
    ).rejects.toThrow('at most 1000')
  })
})
