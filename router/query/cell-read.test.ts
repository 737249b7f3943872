import { once } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type ErrorCode, MaksError } from '../../core/errors.ts'
import { decodeFrame, encodeFrame, FRAME_TYPE } from '../../protocol/frame.ts'
import { type Heartbeat, type ReadScope, TIMEOUT_HEADER } from '../../protocol/shard-rpc.ts'
import { Cancelled, OpenCall } from '../../runtime/call.ts'
import { makeServer, readBody, send, sendError } from '../../runtime/http-server.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import { ShardClient } from '../cluster/shard-client.ts'
import { HEDGE_MS, readCell } from './cell-read.ts'
import type { ReadSource } from './consistency.ts'

const LONG_MS = 60_000

type Behaviour = 'answers' | 'is silent' | 'begins to answer' | ErrorCode

/** A shard that answers every call with its name and the scope of the call, or with an error, or never to the end. */
class Shard {
  readonly server: Server
  behaviour: Behaviour
  asked = 0
  /** What was left of the time of the last call, in ms. */
  leftMs = 0
  /** Resolves when the connection of a call that was not answered is closed. */
  readonly left = Promise.withResolvers<void>()

  constructor(name: string, behaviour: Behaviour) {
    this.behaviour = behaviour
    this.server = makeServer(async (request, response) => {
      this.asked++
      this.leftMs = Number(request.headers[TIMEOUT_HEADER])
      const { header } = await inSlices(decodeFrame<{ scope: ReadScope }>(await readBody(request, 1e6)))
      if (this.behaviour === 'is silent') this.#watch(response)
      else if (this.behaviour === 'begins to answer') {
        this.#watch(response)
        response.writeHead(200, { 'content-type': FRAME_TYPE, 'content-length': 1000 }).write(Buffer.alloc(10))
      } else if (this.behaviour === 'answers')
        send(response, 200, FRAME_TYPE, encodeFrame({ name, scope: header.scope }, []))
      else sendError(response, new MaksError(this.behaviour, `${name} refuses`))
    })
  }

  #watch(response: ServerResponse): void {
    response.on('close', () => {
      if (!response.writableFinished) this.left.resolve()
    })
  }
}

describe('a read of a cell', () => {
  const running: Shard[] = []
  const errors: ErrorCode[] = []
  let refreshes = 0
  let client: ShardClient

  afterEach(async () => {
    await client.close()
    for (const { server } of running.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  /** Shards of cell 0, of which the first leads, and the read of the cell. */
  async function cellOf(...behaviours: Behaviour[]) {
    errors.length = 0
    refreshes = 0
    client = new ShardClient('', (code) => errors.push(code))
    const pods: Heartbeat[] = []
    for (const [i, behaviour] of behaviours.entries()) {
      const shard = new Shard(`pod-${i}`, behaviour)
      running.push(shard)
      await once(shard.server.listen(0, '127.0.0.1'), 'listening')
      const { port } = shard.server.address() as AddressInfo
      pods.push({ pod: `pod-${i}`, address: '127.0.0.1', port, applied: '1-1' } as Heartbeat)
    }
    const collection = {
      topology: {},
      pods: () => pods,
      leader: () => pods[0],
      refresh: async () => void refreshes++,
    } as unknown as Collection
    const read = (call: OpenCall, source: ReadSource = { from: 'primary' }) =>
      readCell<{ name: string; scope: ReadScope }>(client, collection, 0, source, { path: '/', header: {} }, call)
    return { shards: running, read }
  }

  it('is answered by the primary, and asks no other pod', async () => {
    const { shards, read } = await cellOf('answers', 'answers')
    const { header, primary } = await read(new OpenCall(LONG_MS))
    expect([header.name, header.scope.primary, primary]).toEqual(['pod-0', true, true])
    expect([shards.map(({ asked }) => asked), errors, refreshes]).toEqual([[1, 0], [], 0])
  })

  it('asks a replica at once if the primary does not lead any more, and states so', async () => {
    const { shards, read } = await cellOf('NOT_PRIMARY', 'answers')
    const { header, primary } = await read(new OpenCall(LONG_MS))
    expect([header.name, header.scope.primary, primary]).toEqual(['pod-1', false, false])
    expect([shards.map(({ asked }) => asked), errors, refreshes]).toEqual([[1, 1], ['NOT_PRIMARY'], 1])
  })

  it('asks the pod that led as a replica if no other one answers', async () => {
    const { shards, read } = await cellOf('NOT_PRIMARY', 'NOT_READY')
    await expect(read(new OpenCall(LONG_MS))).rejects.toThrowError(/pod-0 refuses/)
    expect([shards.map(({ asked }) => asked), errors]).toEqual([
      [2, 1],
      ['NOT_PRIMARY', 'NOT_READY', 'NOT_PRIMARY'],
    ])
  })

  it('asks the only pod of a cell once, however slow it is', async () => {
    const { shards, read } = await cellOf('is silent')
    await expect(read(new OpenCall(1.5 * HEDGE_MS))).rejects.toThrowError(/the time of the call is over/)
    expect(shards[0]?.asked).toBe(1)
  })

  it.each(['is silent', 'begins to answer'] as const)(
    'asks another pod after a second if the primary %s, and closes the connection of the slow one',
    async (behaviour) => {
      const { shards, read } = await cellOf(behaviour, 'answers')
      const slow = shards[0] as Shard
      const started = performance.now()
      const { header, primary } = await read(new OpenCall(LONG_MS))
      expect(performance.now() - started).toBeGreaterThan(HEDGE_MS - 100)
      expect(shards.map(({ asked }) => asked)).toEqual([1, 1])
      // The second attempt has what is left of the time of the request, and not its whole time again.
      const [first = 0, second = 0] = shards.map(({ leftMs }) => leftMs)
      expect(first).toBeLessThanOrEqual(LONG_MS)
      expect(first - second).toBeGreaterThan(HEDGE_MS - 100)
      expect([header.name, primary]).toEqual(['pod-1', false])
      await slow.left.promise
      // Neither an error of the slow pod, nor a reason to read the topology.
      expect([errors, refreshes]).toEqual([[], 0])
    },
  )

  it('takes an answer that comes while another pod is asked', async () => {
    const { shards, read } = await cellOf('is silent', 'is silent', 'is silent')
    const third = shards[2] as Shard
    third.behaviour = 'answers'
    const { header } = await read(new OpenCall(LONG_MS), { from: 'primary' })
    expect(header.name).toBe('pod-2')
    await Promise.all(shards.slice(0, 2).map(({ left }) => left.promise))
    expect(errors).toEqual([])
  })

  it('that the client leaves closes its connection, asks no further pod and is no error of the shard', async () => {
    const { shards, read } = await cellOf('is silent', 'answers')
    const slow = shards[0] as Shard
    const call = new OpenCall(LONG_MS)
    const answer = read(call)
    answer.catch(() => undefined)
    while (slow.asked === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    call.cancel('the client has gone')
    await expect(answer).rejects.toThrowError(/the client has gone/)
    await slow.left.promise
    expect([shards.map(({ asked }) => asked), errors, refreshes]).toEqual([[1, 0], [], 0])
  })

  it('whose time is over counts as an error of the shard that did not answer', async () => {
    const { read } = await cellOf('is silent')
    await expect(read(new OpenCall(100))).rejects.toThrowError(
      expect.objectContaining({ code: 'CELL_UNAVAILABLE', message: expect.stringContaining('the time of the call') }),
    )
    expect([errors, refreshes]).toEqual([['CELL_UNAVAILABLE'], 0])
  })

  it('of a call that has ended asks no pod', async () => {
    const { shards, read } = await cellOf('answers')
    const call = new OpenCall(LONG_MS)
    call.cancel('the client has gone')
    await expect(read(call)).rejects.toThrowError(expect.objectContaining({ code: 'CELL_UNAVAILABLE' }))
    expect([shards[0]?.asked, errors]).toEqual([0, []])
  })

  it.each<ErrorCode>(['STALE', 'PAYLOAD_TOO_LARGE', 'ANSWER_TOO_LARGE'])(
    'has the error %s of its last pod, which the caller can act upon',
    async (code) => {
      const { read } = await cellOf(code)
      await expect(read(new OpenCall(LONG_MS), { from: 'any' })).rejects.toThrowError(expect.objectContaining({ code }))
    },
  )

  it('that all pods refuse is CELL_UNAVAILABLE with the last reason', async () => {
    const { read } = await cellOf('NOT_READY', 'INTERNAL')
    await expect(read(new OpenCall(LONG_MS))).rejects.toThrowError(
      expect.objectContaining({ code: 'CELL_UNAVAILABLE', message: 'no pod of cell 0 answers: pod-0 refuses' }),
    )
    expect(errors).toEqual(['NOT_READY', 'INTERNAL', 'NOT_READY'])
  })
})

describe('a call to a shard', () => {
  const shard = { pod: 'pod-0', address: '127.0.0.1', port: 1 } as Heartbeat

  it('that has ended is not sent: nothing was executed, and the shard is not to blame', async () => {
    const errors: ErrorCode[] = []
    const client = new ShardClient('', (code) => errors.push(code))
    const call = new OpenCall(LONG_MS)
    call.cancel('the client has gone')
    await expect(client.call(shard, '/', {}, [], call)).rejects.toThrowError(
      expect.objectContaining({ code: 'TIMEOUT', details: { notExecuted: true } }),
    )
    expect([errors, call.signal.reason instanceof Cancelled]).toEqual([[], true])
    await client.close()
  })

  it('whose connection is refused was not executed, and counts as an error', async () => {
    const errors: ErrorCode[] = []
    const client = new ShardClient('', (code) => errors.push(code))
    const call = new OpenCall(LONG_MS)
    await expect(client.call(shard, '/', {}, [], call)).rejects.toThrowError(
      expect.objectContaining({ code: 'CELL_UNAVAILABLE', details: { notExecuted: true } }),
    )
    expect(errors).toEqual(['CELL_UNAVAILABLE'])
    call.cancel('')
    await client.close()
  })
})
