import { beforeEach, describe, expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import { type TextFields, textFieldsOf } from '../../core/filter/compile-filter.ts'
import { encodeFilter } from '../../core/filter/filter.ts'
import { indexDefinition } from '../../core/filter/index-schema.ts'
import { parseFilter } from '../../core/filter/parse-filter.ts'
import { type IdKey, idKey } from '../../core/ids.ts'
import { EDIT_ATTEMPTS_MAX, LIMITS } from '../../core/limits.ts'
import type { PayloadEdit } from '../../core/payload-edit.ts'
import { decodeRow, encodeRow } from '../../core/row-codec.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { OpenCall } from '../../runtime/call.ts'
import type { Collection } from '../cluster/collection.ts'
import type { PlacedPoint } from '../query/rows.ts'
import type { Write } from '../write/writes.ts'
import type { Edit } from './edit.ts'
import { type EditOptions, type EditParts, EditRun } from './edit-run.ts'

interface Stored {
  userVersion: number
  vector: Float32Array
  payload: string
}

/** A collection in memory: each call takes a turn of the event loop, so that edits meet. */
class PlayedPoints {
  readonly points = new Map<IdKey, Stored>()
  version = 0
  reads = 0
  /** That has the rows. */
  cell = 0
  /** Where edits of payloads were sent. */
  readonly editedAt: (number | undefined)[] = []
  /** Rows that an answer may have. */
  answerMax = Number.POSITIVE_INFINITY
  /** Happens before the writes of a request. */
  before: () => void = () => undefined

  put(id: number, payload: unknown = {}, vector = [1, 2]): void {
    const text = JSON.stringify(payload)
    const row = { vector: new Float32Array(vector), payload: text === '{}' ? '' : text }
    this.points.set(idKey(id), { userVersion: ++this.version, ...row })
  }

  payloads(): Record<string, unknown> {
    return Object.fromEntries(Array.from(this.points, ([key, { payload }]) => [key, JSON.parse(payload || '{}')]))
  }

  #found(keys: readonly IdKey[]): PlacedPoint[] {
    if (keys.length > this.answerMax) throw new MaksError('ANSWER_TOO_LARGE', 'too many')
    this.reads++
    return keys.flatMap((key) => {
      const stored = this.points.get(key)
      if (!stored) return []
      const { payload, vector, userVersion } = stored
      return { key, cell: this.cell, version: userVersion, userVersion, vector, payload: Buffer.from(payload) }
    })
  }

  textFields: TextFields = new Map()

  readonly parts: EditParts = {
    reads: {
      retrieve: async (_collection, keys) => {
        await new Promise(setImmediate)
        return { points: this.#found(keys), report: { consistency: 'strong' } }
      },
      scroll: async (_collection, { from, limit }) => {
        await new Promise(setImmediate)
        const keys = [...this.points.keys()].toSorted().filter((key) => from === null || key >= from)
        return {
          points: this.#found(keys.slice(0, limit)),
          next: keys[limit] ?? null,
          report: { consistency: 'strong' },
        }
      },
    },
    writes: {
      write: async (_collection, writes, { each }) => {
        await new Promise(setImmediate)
        this.before()
        for (const write of writes) each?.(write, this.#write(write))
        return { version: this.version }
      },
    },
    textFields: async () => this.textFields,
  }

  #write({ key, row, payload, ifVersion, cell }: Write) {
    if (payload) this.editedAt.push(cell)
    const present = this.points.get(key)
    const version = present?.userVersion ?? 0
    if (ifVersion !== undefined && ifVersion !== version) return { outcome: 'conflict' as const, version }
    if (!row && !present) return { outcome: 'absent' as const }
    if (payload && present)
      this.points.set(key, { ...present, userVersion: ++this.version, payload: Buffer.from(payload).toString() })
    else if (!row) this.points.delete(key)
    else this.points.set(key, { userVersion: ++this.version, ...decodeRow(row.bytes, 2) })
    return { outcome: 'applied' as const, version: this.version, ordering: this.version, touched: [0] }
  }
}

const config = { vectors: { '': { size: 2, metric: 'L2' } }, walBudgetBytes: 1e9 } as CollectionConfig
const collection = { config } as Collection
const keysOf = (...ids: number[]) => ({ keys: ids.map(idKey) })
const filter = (conditions: object) => encodeFilter(parseFilter(conditions, 'filter'))
const isRed = filter({ must: [{ key: 'colour', match: { value: 'red' } }] })
const set = (members: Record<string, unknown>): Edit['change'] => ({ is: 'payload', edit: { is: 'set', members } })
const upsert = (id: number, payload: string): [IdKey, Write] => {
  const vector = Float32Array.of(7, 7)
  return [idKey(id), { key: idKey(id), row: { vector, bytes: encodeRow({ vector, payload }) } }]
}

describe('an edit', () => {
  let played: PlayedPoints
  const edit = (one: Edit, options: Partial<EditOptions> = {}) =>
    new EditRun(played.parts, collection, one, { wait: true, ...options }, new OpenCall(10_000)).run()

  beforeEach(() => {
    played = new PlayedPoints()
    played.put(1, { colour: 'red' }, [1, 1])
    played.put(2, { colour: 'blue' }, [2, 2])
  })

  it.each<[PayloadEdit, unknown]>([
    [
      { is: 'set', members: { n: 1 } },
      { colour: 'red', n: 1 },
    ],
    [{ is: 'overwrite', payload: '{"n":1}' }, { n: 1 }],
    [{ is: 'remove', paths: [[{ kind: 'key', key: 'colour' }]] }, {}],
    [{ is: 'clear' }, {}],
  ])('%j of a payload leaves the vector, and makes a new version', async (change, payload) => {
    expect(await edit({ target: keysOf(1), change: { is: 'payload', edit: change } })).toBe(3)
    expect(played.payloads()).toEqual({ i1: payload, i2: { colour: 'blue' } })
    expect([...(played.points.get(idKey(1))?.vector ?? [])]).toEqual([1, 1])
  })

  it('of a payload goes to the cell that has the row, also if that has moved since it was read', async () => {
    played.cell = 4
    played.before = () => {
      if (played.cell === 4) played.put(1, { colour: 'red' })
      played.cell = 2
    }
    await edit({ target: keysOf(1), change: set({ n: 1 }) })
    expect(played.editedAt).toEqual([4, 2])
  })

  it('of a vector leaves the payload', async () => {
    await edit({ target: keysOf(1), change: { is: 'vectors', vectors: new Map([[idKey(1), Float32Array.of(5, 6)]]) } })
    expect(played.points.get(idKey(1))).toMatchObject({ vector: Float32Array.of(5, 6), payload: '{"colour":"red"}' })
  })

  it('of ids that are not there changes the others, and names the first (as in Qdrant)', async () => {
    await expect(edit({ target: keysOf(7, 1, 8), change: set({ n: 1 }) })).rejects.toThrowError(
      expect.objectContaining({ code: 'NOT_FOUND', message: 'Not found: No point with id 7 found' }),
    )
    expect(played.payloads()).toMatchObject({ i1: { colour: 'red', n: 1 } })
  })

  it('loses none of many others at the same point at the same time', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `n${i}`)
    await Promise.all(names.map((name) => edit({ target: keysOf(1, 2), change: set({ [name]: 1 }) })))
    for (const payload of Object.values(played.payloads()))
      expect(Object.keys(payload as object).toSorted()).toEqual(['colour', ...names].toSorted())
  })

  it('gives up at a point that is written between each of its reads and writes', async () => {
    played.before = () => played.put(1, { colour: 'red' })
    await expect(edit({ target: keysOf(1), change: set({ n: 1 }) })).rejects.toThrowError(
      expect.objectContaining({ code: 'OVERLOADED', message: expect.stringContaining('(EDIT_ATTEMPTS_MAX)') }),
    )
    expect(played.reads).toBe(EDIT_ATTEMPTS_MAX)
    await expect(edit({ target: keysOf(2, 1), change: set({ n: 1 }) })).rejects.toThrowError(
      expect.objectContaining({ code: 'UNKNOWN_OUTCOME', message: expect.stringContaining('changed in part') }),
    )
  })

  it('by a filter changes what matches, looking again at what was written meanwhile', async () => {
    played.put(3, { colour: 'red' })
    let once = true
    played.before = () => {
      if (once) played.put(3, { colour: 'green' })
      if (once) played.put(1, { colour: 'red', kept: true })
      once = false
    }
    await edit({ target: { matching: isRed }, change: set({ n: 1 }) })
    // The played scroll has no filter: what it finds counts as found at its cut.
    expect(played.payloads()).toEqual({
      i1: { colour: 'red', kept: true, n: 1 },
      i2: { colour: 'blue', n: 1 },
      i3: { colour: 'green' },
    })
  })

  it('of rows that are more than an answer may have takes smaller pages', async () => {
    for (let id = 3; id <= 40; id++) played.put(id)
    played.answerMax = 7
    await edit({ target: { matching: undefined }, change: set({ n: 1 }) })
    await edit({ target: keysOf(...Array.from({ length: 40 }, (_, i) => i + 1)), change: set({ m: 1 }) })
    expect(
      Object.values(played.payloads()).filter((payload) => JSON.stringify(payload).endsWith('"n":1,"m":1}')),
    ).toHaveLength(40)
    played.answerMax = 0
    await expect(edit({ target: keysOf(1), change: set({ n: 1 }) })).rejects.toThrow('too many')
  })

  it('under a condition changes the version that is named, and no other', async () => {
    await edit({ target: keysOf(1), change: set({ n: 1 }) }, { ifVersion: 1 })
    for (const ifVersion of [1, 9])
      await expect(edit({ target: keysOf(1), change: set({ n: 2 }) }, { ifVersion })).rejects.toThrowError(
        expect.objectContaining({ code: 'CONFLICT', message: 'the point has version 3' }),
      )
    played.before = () => played.put(1)
    await expect(edit({ target: keysOf(1), change: set({ n: 2 }) }, { ifVersion: 3 })).rejects.toThrowError(
      expect.objectContaining({ code: 'CONFLICT', message: 'the point has version 4' }),
    )
  })

  it('that makes a payload longer than it may be changes nothing', async () => {
    const long = 'x'.repeat(LIMITS.PAYLOAD_BYTES_MAX.value - 20)
    await expect(edit({ target: keysOf(2, 1), change: set({ long }) })).rejects.toThrowError(
      expect.objectContaining({
        code: 'PAYLOAD_TOO_LARGE',
        message: expect.stringMatching(/^point 2\.payload: .*BYTES_MAX/),
      }),
    )
    expect(played.version).toBe(2)
  })

  const upserts = (mode: 'upsert' | 'insert_only' | 'update_only'): Edit => ({
    target: keysOf(1, 2, 3),
    change: { is: 'upserts', mode, writes: new Map([1, 2, 3].map((id) => upsert(id, `{"new":${id}}`))) },
  })

  it('by a conditional upsert writes what matches and what is not there', async () => {
    await edit({ ...upserts('upsert'), onlyIf: isRed })
    expect(played.payloads()).toEqual({ i1: { new: 1 }, i2: { colour: 'blue' }, i3: { new: 3 } })
  })

  it('by a conditional upsert compares words as the text index of the field does', async () => {
    const onlyIf = filter({ must: [{ key: 'colour', match: { text: 'BLUE' } }] })
    const cased = JSON.stringify({ type: 'text', lowercase: false })
    played.textFields = textFieldsOf([indexDefinition('colour', cased)])
    await edit({ ...upserts('upsert'), onlyIf })
    expect(played.payloads().i2).toEqual({ colour: 'blue' })
    played.textFields = new Map()
    await edit({ ...upserts('upsert'), onlyIf })
    expect(played.payloads().i2).toEqual({ new: 2 })
  })

  it('by an upsert of a mode writes what is there, or what is not', async () => {
    await edit(upserts('update_only'))
    expect(played.payloads()).toEqual({ i1: { new: 1 }, i2: { new: 2 } })
    await edit(upserts('insert_only'))
    expect([played.payloads().i3, played.version]).toEqual([{ new: 3 }, 5])
  })

  it('by a conditional upsert of a point that appears meanwhile looks at it', async () => {
    let once = true
    played.before = () => {
      if (once) played.put(3, { colour: 'blue' })
      once = false
    }
    await edit({ ...upserts('upsert'), onlyIf: isRed })
    expect(played.payloads()).toMatchObject({ i3: { colour: 'blue' } })
  })
})
