import { describe, expect, it } from 'vitest'
import { AppliedWaiters } from './applied-waiters.ts'

describe('a call that waits for an entry', () => {
  it('resolves when the replay has reached the entry, and not before', async () => {
    const waiters = new AppliedWaiters()
    const settled: string[] = []
    const all = [3, 5].map((seq) =>
      waiters.wait(seq, 10_000).then((reached) => settled.push(`${seq} ${reached ? 'reached' : 'failed'}`)),
    )
    waiters.reached(2)
    await Promise.resolve()
    expect(settled).toEqual([])
    waiters.reached(4)
    await all[0]
    expect(settled).toEqual(['3 reached'])
    expect(waiters.size).toBe(1)
    waiters.reached(5)
    await Promise.all(all)
    expect(settled).toEqual(['3 reached', '5 reached'])
    expect(waiters.size).toBe(0)
  })

  it('gives up after its time, and leaves no waiter behind', async () => {
    const waiters = new AppliedWaiters()
    expect(await waiters.wait(1, 5)).toBe(false)
    expect(waiters.size).toBe(0)
  })

  it('fails at once if another timeline begins, whatever number it waits for', async () => {
    const waiters = new AppliedWaiters()
    const all = Promise.all([waiters.wait(1, 10_000), waiters.wait(9, 10_000)])
    waiters.fail()
    expect(await all).toEqual([false, false])
    expect(waiters.size).toBe(0)
  })
})
