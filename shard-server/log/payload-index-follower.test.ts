import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import type { PodIndexes } from '../../protocol/shard-rpc.ts'
import type { Pod } from '../pod/pod.ts'
import { PayloadIndexFollower } from './payload-index-follower.ts'

/** A follower of a collection with one index, and the calls of its index thread. */
function following() {
  const calls: string[] = []
  const shown: { fields: PodIndexes['fields'] } = { fields: { n: { points: 0, pending: 5 } } }
  const index = {
    call: async (name: string) => {
      calls.push(name)
      return name === 'payloadIndexes' ? shown.fields : null
    },
  }
  const pod = { index, metrics: { set: () => undefined }, logger: pino({ level: 'silent' }) } as unknown as Pod
  const follower = new PayloadIndexFollower(pod, async () => new Map([['index.n', '"integer"']]))
  const called = async (settings: number, applied: string) => {
    calls.length = 0
    const news = await follower.follow(settings, applied)
    return { calls: [...calls], news }
  }
  return { shown, called, follower }
}

const ASKED = ['payloadIndexes']

describe('the payload indexes of a pod', () => {
  it('are asked for until they are complete, then when rows or settings have changed, and not while all is as it was', async () => {
    const { shown, called, follower } = following()
    expect(await called(1, '7-1')).toEqual({ calls: ['defineIndexes', ...ASKED], news: true })
    expect(await called(1, '7-1')).toEqual({ calls: ASKED, news: false })
    shown.fields = { n: { points: 9, pending: 0 } }
    expect(await called(1, '7-1')).toEqual({ calls: ASKED, news: true })
    expect(follower.state).toEqual({ settings: 1, fields: shown.fields })
    expect(await called(1, '7-1')).toEqual({ calls: [], news: false })
    expect(await called(1, '7-2')).toEqual({ calls: ASKED, news: false })
    expect(await called(2, '7-2')).toEqual({ calls: ['defineIndexes', ...ASKED], news: true })
  })
})
