import { beforeEach, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { entryBytes } from '../../core/limits.ts'
import type { Heartbeat, LimitedMemory, PodMemory } from '../../protocol/shard-rpc.ts'
import type { Operation } from '../../store/cell-log.ts'
import type { Pod } from '../pod/pod.ts'
import type { MemoryGauge } from '../pod/pod-memory.ts'
import { WriteAdmission } from './write-admission.ts'

const LIMIT = 1000_000
let now: number
let own: LimitedMemory | undefined
let refusals: number
let admission: WriteAdmission
let collected: () => void
beforeEach(() => {
  now = 0
  own = undefined
  refusals = 0
  collected = () => undefined
  const pod = {
    name: '0/0',
    env: { MAKSDB_CELL: 0 },
    config: { redisUrl: 'redis://127.0.0.1:1', clusters: 2, replicas: 2, vectors: { '': { size: 100 } } },
    metrics: {
      add: (name: string, by: number) => (refusals += name === 'maksdb_memory_refusals_total' ? (by ?? 1) : 0),
    },
  } as unknown as Pod
  const memory = { limited: () => own, collect: async () => collected() } as unknown as MemoryGauge
  admission = new WriteAdmission(pod, { role: 'primary' }, memory, () => now)
})

const limited = (room: number): LimitedMemory => ({ used: LIMIT - room, limit: LIMIT, room })
const heartbeat = (pod: string, beat: number, room?: number): Heartbeat =>
  ({
    pod,
    cell: Number(pod.split('/')[0]),
    beat,
    memory: (room === undefined ? {} : { limited: limited(room) }) as PodMemory,
  }) as Heartbeat
const row = new Uint8Array(872)
const KEY = idKey(1)
/** Of a thousand bytes, as the log counts them. */
const upsert: Operation = {
  type: 'U',
  key: KEY,
  owner: 0,
  copy: null,
  expect: '',
  centroidVersion: 0,
  row: row.subarray(KEY.length),
}
const remove: Operation = { type: 'D', key: KEY, expect: '' }
const full = expect.objectContaining({ code: 'MEMORY_FULL', details: { notExecuted: true } })

describe('a write', () => {
  it('is admitted without a limit, and below one as long as there is room for it', async () => {
    expect(entryBytes(KEY, row.length - KEY.length)).toBe(1000)
    await admission.admit([upsert])
    own = limited(2500)
    now = 10_000
    await admission.admit([upsert, upsert])
    await expect(admission.admit([upsert])).rejects.toThrow(full)
    expect(refusals).toBe(1)
  })

  it('is not refused for garbage: what that holds is given back first', async () => {
    own = limited(10)
    collected = () => {
      own = limited(2000)
    }
    await admission.admit([upsert])
    expect(refusals).toBe(0)
  })

  it('counts beside the own measurement for half a second, and then in it', async () => {
    own = limited(1000)
    await admission.admit([upsert])
    now = 490
    await expect(admission.admit([upsert])).rejects.toThrow(full)
    now = 560
    await admission.admit([upsert])
  })

  it('counts beside what a replica reports for three seconds, and then in it', async () => {
    own = limited(1_000_000)
    admission.see([heartbeat('0/1', 1, 1000)])
    await admission.admit([upsert])
    now = 2900
    await expect(admission.admit([upsert])).rejects.toThrow(full)
    expect(admission.hasRoom(0)).toBe(false)
    now = 3600
    await admission.admit([upsert])
  })

  it('of deletes alone needs none, also of a pod that is beyond its limit', async () => {
    own = limited(-5000)
    await admission.admit([remove, remove])
    await expect(admission.admit([remove, upsert])).rejects.toThrow(full)
    expect(admission.full()).toBe(true)
  })

  it('of a payload counts with the vector of its row, which is appended again', async () => {
    const edit: Operation = { type: 'P', key: KEY, expect: '', payload: row.subarray(KEY.length + 400) }
    own = limited(1000)
    await admission.admit([edit])
    await expect(admission.admit([edit])).rejects.toThrow(full)
  })

  it('is refused if a replica of the cell has no room, by the name of that pod', async () => {
    own = limited(1_000_000)
    admission.see([heartbeat('0/1', 1, 10), heartbeat('1/0', 1, -10)])
    await expect(admission.admit([upsert])).rejects.toThrow(
      expect.objectContaining({ message: 'pod 0/1 has memory for 10 bytes of further rows, and the write has 1000' }),
    )
    admission.see([heartbeat('0/1', 2, 5000)])
    await admission.admit([upsert])
    expect(admission.full()).toBe(false)
  })

  it('does not wait for a replica that has been silent for ten seconds, until it reports again', async () => {
    own = limited(1_000_000)
    admission.see([heartbeat('0/1', 1, -10)])
    now = 9000
    admission.see([heartbeat('0/1', 1, -10)])
    await expect(admission.admit([upsert])).rejects.toThrow(full)
    now = 10_001
    await admission.admit([upsert])
    admission.see([heartbeat('0/1', 2, -10)])
    await expect(admission.admit([upsert])).rejects.toThrow(full)
  })

  it('takes a pod of an earlier version, or without a limit, as one with room', async () => {
    own = limited(1_000_000)
    admission.see([heartbeat('0/1', 1)])
    await admission.admit([upsert])
  })
})

it('rows go to another cell only as long as its pods have room', () => {
  own = limited(-10)
  expect([admission.hasRoom(0), admission.hasRoom(1)]).toEqual([false, true])
  admission.see([heartbeat('1/0', 1, 5000), heartbeat('1/1', 1, 0)])
  expect(admission.hasRoom(1)).toBe(false)
})
