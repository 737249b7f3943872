/** Hedged reads of a cell, with pods that are real servers and do what a test tells them. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { MaksError } from '../../core/errors.ts'
import { encodeFrame } from '../../protocol/frame.ts'
import { type Heartbeat, TIMEOUT_HEADER } from '../../protocol/shard-rpc.ts'
import { OpenCall } from '../../runtime/call.ts'
import { sendError } from '../../runtime/http-server.ts'
import { until } from '../../runtime/until.ts'
import { ShardClient } from '../cluster/shard-client.ts'
import { HEDGE_MS, type PodsOfCells, readCell } from './cell-read.ts'

const TIMEOUT_MS = 10_000
const servers: Server[] = []
const shards = new ShardClient('secret', () => undefined)
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

class Pod {
  /** Of each request: what is left of its time, in ms, and whether its connection has been closed unanswered. */
  readonly asked: { leftMs: number; cut: boolean }[] = []
  heartbeat = {} as Heartbeat

  static async that(answers: (response: ServerResponse) => void): Promise<Pod> {
    const pod = new Pod()
    const server = createServer((request: IncomingMessage, response) => {
      const one = { leftMs: Number(request.headers[TIMEOUT_HEADER]), cut: false }
      pod.asked.push(one)
      response.on('close', () => {
        one.cut = !response.writableFinished
      })
      request.resume().on('end', () => answers(response))
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    pod.heartbeat = { pod: `pod-${port}`, address: '127.0.0.1', port } as Heartbeat
    return pod
  }
}

const silent = () => undefined
const answering = (response: ServerResponse) => void response.end(encodeFrame({ rows: [] }, []))
const failing = (code: 'STALE' | 'NOT_READY') => (response: ServerResponse) =>
  sendError(response, new MaksError(code, 'as the test wants it'))

/** A read of a cell whose first pod is its primary. */
function read([leader, ...others]: Pod[], call: OpenCall) {
  const pods = [leader, ...others].flatMap((pod) => (pod ? [pod.heartbeat] : []))
  const collection: PodsOfCells = {
    topology: {} as NonNullable<PodsOfCells['topology']>,
    refresh: () => Promise.resolve(),
    pods: () => pods.slice(1),
    leader: () => leader?.heartbeat,
  }
  return readCell(shards, collection, 0, { from: 'primary' }, { path: '/rpc/rows', header: {} }, call)
}

describe('a hedged read of a cell', () => {
  it('asks another pod after a second of silence, with what is left of the time of the request, and cuts the loser off', async () => {
    const [primary, replica] = [await Pod.that(silent), await Pod.that(answering)]
    const call = new OpenCall(TIMEOUT_MS)
    const answer = await read([primary, replica], call)
    expect(answer.primary).toBe(false)
    expect(primary.asked).toHaveLength(1)
    const first = primary.asked[0]?.leftMs ?? 0
    const second = replica.asked[0]?.leftMs ?? 0
    expect(first).toBeLessThanOrEqual(TIMEOUT_MS)
    expect(first - second).toBeGreaterThan(HEDGE_MS - 10)
    await until('the connection to the silent pod to be closed', () => primary.asked[0]?.cut)
    expect(replica.asked[0]?.cut).toBe(false)
    // The answer of one attempt is not the end of the request.
    expect(call.signal.aborted).toBe(false)
    call.cancel('the test is over')
  })

  it('asks the next pod if one fails, and one that fails is not asked again', async () => {
    const [primary, replica] = [await Pod.that(failing('NOT_READY')), await Pod.that(answering)]
    const call = new OpenCall(TIMEOUT_MS)
    expect((await read([primary, replica], call)).header).toEqual({ rows: [] })
    expect([primary.asked.length, replica.asked.length]).toEqual([1, 1])
    call.cancel('the test is over')
  })

  it('says that the cell is unavailable, with the last reason, if no pod can answer', async () => {
    const call = new OpenCall(TIMEOUT_MS)
    const pods = [await Pod.that(failing('NOT_READY')), await Pod.that(failing('NOT_READY'))]
    await expect(read(pods, call)).rejects.toMatchObject({
      code: 'CELL_UNAVAILABLE',
      message: expect.stringContaining('as the test wants it') as string,
    })
    call.cancel('the test is over')
  })

  it('ends with its call: every pod that was asked is cut off, and no other is asked', async () => {
    const pods = [await Pod.that(silent), await Pod.that(silent), await Pod.that(answering)]
    const call = new OpenCall(TIMEOUT_MS)
    const answer = read(pods, call)
    const failed = expect(answer).rejects.toMatchObject({ code: 'CELL_UNAVAILABLE' })
    await until('two pods to be asked', () => pods[1]?.asked.length === 1)
    call.cancel('the client has gone')
    await failed
    await until('both connections to be closed', () => pods.slice(0, 2).every(({ asked }) => asked[0]?.cut))
    expect(pods[2]?.asked).toEqual([])
  })

  it('asks no pod if its call has ended before', async () => {
    const pod = await Pod.that(answering)
    const call = new OpenCall(TIMEOUT_MS)
    call.cancel('the client has gone')
    await expect(read([pod], call)).rejects.toThrow()
    expect(pod.asked).toEqual([])
  })
})
