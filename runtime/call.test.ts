import { once } from 'node:events'
import { createServer, request as httpRequest, type RequestOptions, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { TIMEOUT_HEADER } from '../protocol/shard-rpc.ts'
import {
  type Call,
  CallPart,
  Cancelled,
  callOf,
  callWithin,
  checkWaiting,
  endingWith,
  OpenCall,
  remainingMs,
  untilDeadline,
} from './call.ts'

const LONG_MS = 60_000
const SOON_MS = 300
/** A timer counts from the beginning of its turn of the event loop, and may end by so much earlier. */
const TURN_MS = 200

const messageOf = ({ signal }: Call) => (signal.reason as Error | undefined)?.message
const ended = async ({ signal }: Call) => {
  if (!signal.aborted) await once(signal, 'abort')
}

describe('a call', () => {
  it('has its time from the beginning on, and never less than none', async () => {
    const call = new OpenCall(SOON_MS)
    expect(remainingMs(call)).toBeGreaterThan(SOON_MS - TURN_MS)
    expect(remainingMs(call)).toBeLessThanOrEqual(SOON_MS)
    await ended(call)
    expect(remainingMs(call)).toBe(0)
  })

  it.each([SOON_MS, 0, 0.2])('of %d ms ends at its deadline', async (timeoutMs) => {
    const call = new OpenCall(timeoutMs)
    expect(call.signal.aborted).toBe(false)
    await ended(call)
    expect(performance.now()).toBeGreaterThanOrEqual(call.deadline - TURN_MS)
    expect(messageOf(call)).toBe('the time of the call is over')
    expect(call.signal.reason).not.toBeInstanceOf(Cancelled)
  })

  it('ends at once if it is cancelled, and keeps the first reason', () => {
    const call = new OpenCall(LONG_MS)
    call.cancel('the first')
    call.cancel('the second')
    expect([call.signal.aborted, messageOf(call)]).toEqual([true, 'the first'])
    expect(call.signal.reason).toBeInstanceOf(Cancelled)
  })

  it('that is cancelled leaves no timer', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const call = new OpenCall(LONG_MS)
      expect(vi.getTimerCount()).toBe(1)
      call.cancel('it is answered')
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it.each([
    ['its deadline', () => new OpenCall(1), 'the time of the call is over'],
    [
      'a cancellation',
      () => {
        const call = new OpenCall(LONG_MS)
        call.cancel('the client has gone')
        return call
      },
      'the client has gone',
    ],
  ])('after %s refuses further work, which was not executed', async (_what, make, reason) => {
    const call = make()
    await ended(call)
    expect(() => checkWaiting(call)).toThrowError(
      expect.objectContaining({
        code: 'TIMEOUT',
        message: expect.stringContaining(reason),
        details: { notExecuted: true },
      }),
    )
  })

  it('that is open refuses nothing', () => {
    const call = new OpenCall(LONG_MS)
    expect(() => checkWaiting(call)).not.toThrow()
    call.cancel('')
  })
})

describe('a call that no request began', () => {
  it('ends after its time', async () => {
    const call = callWithin(SOON_MS)
    expect(remainingMs(call)).toBeGreaterThan(SOON_MS - TURN_MS)
    await ended(call)
    expect(performance.now()).toBeGreaterThanOrEqual(call.deadline - TURN_MS)
  })

  it('ends with the signal that it is given', () => {
    const given = new AbortController()
    const call = callWithin(LONG_MS, given.signal)
    expect(call.signal.aborted).toBe(false)
    given.abort(new Error('stopping'))
    expect(messageOf(call)).toBe('stopping')
  })

  it('ends after its time although the signal that it is given is not aborted', async () => {
    const call = callWithin(SOON_MS, new AbortController().signal)
    await ended(call)
    expect(performance.now()).toBeGreaterThanOrEqual(call.deadline - TURN_MS)
  })
})

describe('a part of a call', () => {
  it('has the deadline of the call', () => {
    const call = new OpenCall(LONG_MS)
    expect(endingWith(call, new AbortController().signal).deadline).toBe(call.deadline)
    call.cancel('')
  })

  it('ends with the call, and its own signal stays open', () => {
    const call = new OpenCall(LONG_MS)
    const own = new AbortController()
    const part = endingWith(call, own.signal)
    call.cancel('the client has gone')
    expect([messageOf(part), own.signal.aborted]).toEqual(['the client has gone', false])
  })

  it('ends by its own signal, and the call stays open', () => {
    const call = new OpenCall(LONG_MS)
    const own = new AbortController()
    const part = endingWith(call, own.signal)
    own.abort(new Error('another pod leads now'))
    expect([messageOf(part), call.signal.aborted]).toEqual(['another pod leads now', false])
    call.cancel('')
  })

  it('of a call that has ended has ended', () => {
    const call = new OpenCall(LONG_MS)
    call.cancel('the client has gone')
    expect(endingWith(call, new AbortController().signal).signal.aborted).toBe(true)
    expect(messageOf(new CallPart(call))).toBe('the client has gone')
  })

  it('that can be cancelled has the deadline of the call, and ends with it', () => {
    const call = new OpenCall(LONG_MS)
    const part = new CallPart(call)
    expect([part.deadline, part.signal.aborted]).toEqual([call.deadline, false])
    call.cancel('the client has gone')
    expect(messageOf(part)).toBe('the client has gone')
  })

  it('that is cancelled ends, and the call stays open', () => {
    const call = new OpenCall(LONG_MS)
    const part = new CallPart(call)
    part.cancel('another pod has answered')
    expect([messageOf(part), part.signal.reason instanceof Cancelled, call.signal.aborted]).toEqual([
      'another pod has answered',
      true,
      false,
    ])
    call.cancel('')
    expect(messageOf(part)).toBe('another pod has answered')
  })

  it('that is released does not end with the call', () => {
    const call = new OpenCall(LONG_MS)
    const part = new CallPart(call)
    part.release()
    call.cancel('it is answered')
    expect(part.signal.aborted).toBe(false)
  })
})

describe('work that must come to its end', () => {
  it('is not cancelled with the call, and ends at its deadline', async () => {
    const call = new OpenCall(SOON_MS)
    const work = untilDeadline(call)
    call.cancel('the client has gone')
    expect([work.signal.aborted, Math.abs(work.deadline - call.deadline) < TURN_MS]).toEqual([false, true])
    await ended(work)
    expect(performance.now()).toBeGreaterThanOrEqual(call.deadline - TURN_MS)
  })

  it('of a call whose time is over ends at once', async () => {
    const call = new OpenCall(0)
    await ended(call)
    const work = untilDeadline(call)
    await ended(work)
    expect(performance.now() - call.deadline).toBeLessThan(5000)
  })
})

describe('the call of a request', () => {
  let server: Server | undefined
  afterEach(() => server?.close())

  /** A server that answers when `answer` is called, and the call of its first request. */
  async function served(headers: RequestOptions['headers'] = {}) {
    const opened = Promise.withResolvers<{ call: OpenCall; answer: () => void }>()
    server = createServer((request, response) => {
      opened.resolve({ call: callOf(request, response), answer: () => response.end('done') })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const client = httpRequest({ host: '127.0.0.1', port, headers, agent: false })
    client.on('error', () => undefined)
    client.on('response', (response) => response.resume())
    client.end()
    return { client, ...(await opened.promise) }
  }

  it.each<[string, string | undefined, number]>([
    ['the time that its header names', '5000', 5000],
    ['a part of a millisecond', '0.5', 0.5],
    ['no time if none is left', '0', 0],
    ['a minute without a header', undefined, LONG_MS],
    ['a minute if its header is no number', 'soon', LONG_MS],
    ['a minute if its header is negative', '-1', LONG_MS],
  ])('has %s', async (_what, header, expected) => {
    const { call, answer } = await served(header === undefined ? {} : { [TIMEOUT_HEADER]: header })
    expect(Math.abs(remainingMs(call) - expected)).toBeLessThan(2000)
    answer()
  })

  it('is cancelled when the client closes its connection before the answer', async () => {
    const { client, call } = await served()
    expect(call.signal.aborted).toBe(false)
    client.destroy()
    await ended(call)
    expect([messageOf(call), call.signal.reason instanceof Cancelled]).toEqual(['the caller has gone', true])
  })

  it('is cancelled, with its timer, when it is answered', async () => {
    const { call, answer } = await served()
    answer()
    await ended(call)
    expect([messageOf(call), call.signal.reason instanceof Cancelled]).toEqual(['it is answered', true])
  })

  it('ends after its time while the client waits on', async () => {
    const { call, answer } = await served({ [TIMEOUT_HEADER]: String(SOON_MS) })
    await ended(call)
    expect(messageOf(call)).toBe('the time of the call is over')
    answer()
  })
})
