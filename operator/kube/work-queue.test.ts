import { describe, expect, it } from 'vitest'
import { WorkQueue } from './work-queue.ts'

describe('the work queue', () => {
  it('gives a key once, however often it was added, and in order', async () => {
    const queue = new WorkQueue()
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key)
    expect([await queue.next(), await queue.next(), queue.depth]).toEqual(['a', 'b', 0])
  })

  it('never gives a key to two workers; what is added meanwhile comes after', async () => {
    const queue = new WorkQueue()
    queue.add('a')
    expect(await queue.next()).toBe('a')
    queue.add('a')
    queue.add('a')
    expect(queue.depth).toBe(0)
    queue.done('a')
    expect(await queue.next()).toBe('a')
    queue.done('a')
    expect(queue.depth).toBe(0)
  })

  it('gives what has changed before what only has its time come, and of the latter two at a time', async () => {
    const queue = new WorkQueue()
    for (const key of ['timer-1', 'timer-2', 'timer-3', 'timer-4']) queue.addAfter(key, 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    for (const key of ['change-1', 'change-2', 'timer-4']) queue.add(key)
    const order: (string | undefined)[] = []
    for (let i = 0; i < 5; i++) order.push(await queue.next())
    expect(order).toEqual(['change-1', 'change-2', 'timer-4', 'timer-1', 'timer-2'])
    const third = queue.next()
    queue.add('change-3')
    expect(await third).toBe('change-3')
    const fourth = queue.next()
    expect(queue.depth).toBe(1)
    queue.done('timer-1')
    expect(await fourth).toBe('timer-3')
  })

  it('hands a key to a worker that waits', async () => {
    const queue = new WorkQueue()
    const waiting = queue.next()
    queue.add('a')
    expect(await waiting).toBe('a')
  })

  it('waits longer after each failure, and forgets them after a success', () => {
    const queue = new WorkQueue()
    expect([1, 2, 3, 4].map(() => queue.retry('a'))).toEqual([5, 10, 20, 40])
    for (let i = 0; i < 40; i++) queue.retry('b')
    expect(queue.retry('b')).toBe(300_000)
    queue.succeeded('a')
    expect(queue.retry('a')).toBe(5)
    queue.close()
  })

  it('keeps the sooner of two wishes', async () => {
    const queue = new WorkQueue()
    queue.addAfter('a', 60_000)
    queue.addAfter('a', 1)
    expect(await queue.next()).toBe('a')
    queue.close()
  })

  it('ends its workers when it is closed', async () => {
    const queue = new WorkQueue()
    const waiting = queue.next()
    queue.close()
    queue.add('a')
    expect([await waiting, await queue.next()]).toEqual([undefined, undefined])
  })
})
