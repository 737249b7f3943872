import { once } from 'node:events'
import { request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { QUEUES } from '../../core/limits.ts'
import { parseEnv, routerEnvSchema } from '../../protocol/env/config.ts'
import { type Call, Cancelled, checkWaiting, remainingMs } from '../../runtime/call.ts'
import { InFlight } from '../../runtime/in-flight.ts'
import { until } from '../../runtime/until.ts'
import type { Collection } from '../cluster/collection.ts'
import { makeRestServer, type RestParts } from './server.ts'

const PATH = '/collections/things/points/count'

interface Answer {
  result?: unknown
  status: { error: string }
  maksdb: { code: string }
}

describe('a request', () => {
  let server: Server
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  /** A router that counts the points of one collection when it is released; and what it counted in metrics. */
  async function router() {
    const called = Promise.withResolvers<Call>()
    const released = Promise.withResolvers<void>()
    const rejected: unknown[] = []
    const collection = { config: { name: 'things' } } as Collection
    const parts = {
      env: parseEnv(routerEnvSchema, { MAKSDB_ROUTER_FILE: '', MAKSDB_INTERNAL_TOKEN: '' }),
      collections: { find: () => collection, get: () => collection },
      points: {
        count: async (_collection: Collection, _read: unknown, call: Call) => {
          called.resolve(call)
          await released.promise
          checkWaiting(call)
          return { count: 7, report: { consistency: 'primary' } }
        },
      },
      metrics: {
        observe: () => undefined,
        add: (_name: string, _by: number, labels: { code: string }) => rejected.push(labels.code),
      },
      isLeaving: () => false,
      inFlight: new InFlight({ requests: 'QUEUE_REQUESTS_MAX', bytes: 'QUEUE_BODIES_MAX' }, 32 * 1024 * 1024),
    }
    server = makeRestServer(parts as unknown as RestParts)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const send = (query = '') => {
      const client = httpRequest({ host: '127.0.0.1', port, path: `${PATH}${query}`, method: 'POST', agent: false })
      client.on('error', () => undefined)
      client.end()
      return client
    }
    const answerOf = async (query = '') => {
      const response = await fetch(`http://127.0.0.1:${port}${PATH}${query}`, { method: 'POST' })
      return {
        status: response.status,
        body: (await response.json()) as Answer,
      }
    }
    return { port, send, answerOf, called: called.promise, release: released.resolve, rejected }
  }

  const ended = async ({ signal }: Call) => {
    if (!signal.aborted) await once(signal, 'abort')
    return signal.reason as Error
  }

  it('whose client goes is cancelled, and counts as no error', async () => {
    const { send, called, release, rejected } = await router()
    const client = send()
    const call = await called
    client.destroy()
    const reason = await ended(call)
    expect([reason.message, reason instanceof Cancelled]).toEqual(['the caller has gone', true])
    release()
    await new Promise((resolve) => setTimeout(resolve, 20))
    // Its work has failed since, as TIMEOUT.
    expect(rejected).toEqual([])
  })

  it('that is answered cancels its call', async () => {
    const { answerOf, called, release } = await router()
    release()
    const { status, body } = await answerOf()
    expect([status, body.result]).toEqual([200, { count: 7 }])
    const reason = await ended(await called)
    expect([reason.message, reason instanceof Cancelled]).toEqual(['it is answered', true])
  })

  it('has the time that it names, and is answered soon after if its work does not end', async () => {
    const { answerOf, called, rejected } = await router()
    const answer = answerOf('?timeout=0.2')
    const call = await called
    expect(remainingMs(call)).toBeLessThanOrEqual(200)
    expect((await ended(call)).message).toBe('the time of the call is over')
    const { status, body } = await answer
    expect([status, body.maksdb.code, rejected]).toEqual([504, 'TIMEOUT', ['TIMEOUT']])
  })

  it('has the time of the router if it names none', async () => {
    const { send, called } = await router()
    send()
    const left = remainingMs(await called)
    expect([left > 20_000, left <= 30_000]).toEqual([true, true])
  })

  it.each([
    ['?timeout=soon', /"timeout" must be/],
    ['?timeout=1&timeout=2', /"timeout" must be/],
    ['?speed=1', /"speed" is not supported/],
  ])('with %s is refused by name before any work for it', async (query, message) => {
    const { answerOf, called, rejected } = await router()
    const { status, body } = await answerOf(query)
    expect([status, rejected]).toEqual([400, [body.maksdb.code]])
    expect(body.status.error).toMatch(message)
    expect(await Promise.race([called, Promise.resolve('no work')])).toBe('no work')
  })

  it('beyond the bodies that are read at a time is refused with 429 and a number of seconds, and health is answered', async () => {
    const { port, answerOf, release } = await router()
    release()
    const { MAKSDB_BODY_BYTES_MAX } = parseEnv(routerEnvSchema, { MAKSDB_ROUTER_FILE: '', MAKSDB_INTERNAL_TOKEN: '' })
    const headers = { 'content-type': 'application/json', 'content-length': String(MAKSDB_BODY_BYTES_MAX) }
    const begun = Array.from({ length: QUEUES.QUEUE_BODIES_MAX.value / MAKSDB_BODY_BYTES_MAX }, () => {
      const client = httpRequest({ host: '127.0.0.1', port, path: PATH, method: 'POST', agent: false, headers })
      client.on('error', () => undefined)
      client.write('{')
      return client
    })
    const url = `http://127.0.0.1:${port}`
    const post = () =>
      fetch(`${url}${PATH}`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
    const refused = await until('the bodies to have begun', async () => {
      const response = await post()
      return response.status === 429 && response
    })
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(((await refused.json()) as Answer).status.error).toContain('(QUEUE_BODIES_MAX)')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect((await answerOf()).status).toBe(200)
    for (const client of begun) client.destroy()
    await until('the bodies to be given up', async () => (await post()).status === 200)
  })
})
