import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { budgetOf } from '../../core/plan/disruption-budget.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { type KubeObject, keyOf } from '../kube/objects.ts'
import type { Caches } from '../watch/caches.ts'
import { Disruptor } from './disruptor.ts'

const object: KubeObject = { apiVersion: 'v1', kind: 'K', metadata: { name: 'films', namespace: 'a', uid: '1' } }

/** @param fails whether the API server refuses to note what is taken */
function made(of: KubeObject, fails = false) {
  const notes: number[] = []
  const disruptor = new Disruptor({
    client: {} as KubeClient,
    caches: {} as Caches,
    note: async (_object, noted) => {
      if (fails) throw new Error('refused')
      notes.push(noted.reduce((sum, { count }) => sum + count, 0))
      of.status = { ...of.status, disruptions: noted }
    },
  })
  return { disruptor, notes, take: () => disruptor.take({ object: of, pods: 1 }, 1, AbortSignal.timeout(1000)) }
}

describe('what takes pods away', () => {
  it('stands in one file: no other deletes a pod, evicts one or calls for a hand-over', () => {
    const guilty = globSync('operator/**/*.ts')
      .filter((file) => !file.endsWith('.test.ts') && file !== 'operator/act/disruptor.ts')
      .filter((file) => /delete\(\s*PODS|RPC\.handOver|\/eviction/.test(readFileSync(file, 'utf8')))
    expect(guilty).toEqual([])
  })

  it('is counted in the status before it is done, and not done where that fails', async () => {
    await expect(made(structuredClone(object), true).take()).rejects.toThrow('refused')
    const { take, notes } = made(structuredClone(object))
    await take()
    await take()
    expect(notes).toEqual([1, 2])
  })

  it('ends with the budget, for the next operator too, and for a namesake not', async () => {
    const of = structuredClone(object)
    const first = made(of)
    for (let i = 0; i < budgetOf(1); i++) expect(await first.take()).toBeUndefined()
    expect((await first.take())?.reason).toBe('DisruptionBudgetUsed')
    expect((await made(of).take())?.reason).toBe('DisruptionBudgetUsed')
    const namesake = { ...structuredClone(object), metadata: { ...object.metadata, uid: '2' } }
    expect(keyOf(namesake)).toBe(keyOf(of))
    expect(await first.disruptor.take({ object: namesake, pods: 1 }, 1, AbortSignal.timeout(1000))).toBeUndefined()
  })

  it('gets back what disrupted nothing, without a write for each try', async () => {
    const { disruptor, take, notes } = made(structuredClone(object))
    const of = { object, pods: 1 }
    for (let i = 0; i < 100; i++) {
      expect(await take()).toBeUndefined()
      disruptor.giveBack(of, 1)
    }
    expect(notes).toEqual([1])
  })
})
