import { describe, expect, it } from 'vitest'
import type { MaksError } from '../../core/errors.ts'
import { QUEUES } from '../../core/limits.ts'
import { AppliedWaiters } from './applied-waiters.ts'

const NEVER = new AbortController().signal

describe('a call that waits for an entry', () => {
  it('resolves when the replay has reached the entry, and not before', async () => {
    const waiters = new AppliedWaiters()
    const settled: string[] = []
    const all = [3, 5].map((seq) =>
      waiters.wait(seq, NEVER).then((reached) => settled.push(`${seq} ${reached ? 'reached' : 'failed'}`)),
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

  it('gives up as soon as its caller has gone, and leaves no waiter behind', async () => {
    const waiters = new AppliedWaiters()
    const caller = new AbortController()
    const answer = waiters.wait(1, caller.signal)
    expect(waiters.size).toBe(1)
    caller.abort()
    expect(await answer).toBe(false)
    expect(waiters.size).toBe(0)
    expect(await waiters.wait(1, caller.signal)).toBe(false)
    expect(waiters.size).toBe(0)
  })

  it('fails at once if another timeline begins, whatever number it waits for', async () => {
    const waiters = new AppliedWaiters()
    const all = Promise.all([waiters.wait(1, NEVER), waiters.wait(9, NEVER)])
    waiters.fail()
    expect(await all).toEqual([false, false])
    expect(waiters.size).toBe(0)
  })
})

describe('the queue of calls that wait for an entry', () => {
  it('refuses a request as retriable when it is full, and takes the next one when one has left it', async () => {
    const waiters = new AppliedWaiters()
    const all = Array.from({ length: QUEUES.QUEUE_WAITS_MAX.value }, (_, i) => {
      waiters.checkRoom()
      return waiters.wait(i + 1, NEVER)
    })
    const refusal = refusalOf(() => waiters.checkRoom())
    expect(refusal).toMatchObject({ code: 'OVERLOADED', status: 429, retriable: true, details: { notExecuted: true } })
    expect(refusal?.message).toContain('QUEUE_WAITS_MAX')
    waiters.reached(1)
    waiters.checkRoom()
    waiters.fail()
    expect((await Promise.all(all)).filter(Boolean)).toHaveLength(1)
  })
})

function refusalOf(work: () => void): MaksError | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return error as MaksError
  }
}
