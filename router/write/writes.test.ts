import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type ErrorCode, MaksError } from '../../core/errors.ts'
import { idKey } from '../../core/ids.ts'
import { decodeFrame, encodeFrame, FRAME_TYPE } from '../../protocol/frame.ts'
import {
  type CommitRequest,
  type CommitResponse,
  type Heartbeat,
  type OperationResult,
  RPC,
} from '../../protocol/shard-rpc.ts'
import { OpenCall } from '../../runtime/call.ts'
import { makeServer, readBody, send, sendError } from '../../runtime/http-server.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import { ShardClient } from '../cluster/shard-client.ts'
import { type Write, Writes } from './writes.ts'

const LONG_MS = 60_000
const WRITE = [{ key: idKey(1) }]

describe('a write', () => {
  let server: Server
  let client: ShardClient

  afterEach(async () => {
    await client.close()
    server.closeAllConnections()
    server.close()
  })

  /** A collection, of one cell, whose primary takes commits, and answers them all after `answer` is called. */
  async function cell(clusters = 1) {
    const cells: number[] = []
    const errors: ErrorCode[] = []
    const commits: CommitRequest[] = []
    const arrived = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<void>()
    const answers = Promise.withResolvers<MaksError | undefined>()
    const deposed = new AbortController()
    server = makeServer(async (request, response, url) => {
      const { header } = await inSlices(decodeFrame<CommitRequest>(await readBody(request, 1e6)))
      if (url.pathname === RPC.commit) commits.push(header)
      response.on('close', () => {
        if (!response.writableFinished) gone.resolve()
      })
      arrived.resolve()
      const refusal = await answers.promise
      if (refusal) return sendError(response, refusal)
      const results = header.operations.map(
        (): OperationResult => ({ outcome: 'applied', version: 3, ordering: 8, touched: [0] }),
      )
      const answer: CommitResponse = { results, heads: { 0: 8 }, centroidVersion: 0, timeline: 1 }
      send(response, 200, FRAME_TYPE, encodeFrame(answer, []))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    client = new ShardClient('', (code) => errors.push(code))
    const collection = {
      config: { collection: 'things' },
      partition: { version: 0, clusters },
      leader: () => ({ pod: 'pod-0', address: '127.0.0.1', port }) as Heartbeat,
      refresh: async () => undefined,
      whileLeading: (one: number, work: (signal: AbortSignal) => unknown) => {
        cells.push(one)
        return work(deposed.signal)
      },
    } as unknown as Collection
    const write = (call: OpenCall, writes: readonly Write[] = WRITE) =>
      new Writes(client).write(collection, writes, { wait: false }, call)
    return {
      write,
      cells,
      commits,
      errors,
      arrived: arrived.promise,
      gone: gone.promise,
      answer: answers.resolve,
      deposed,
    }
  }

  it('that was sent is brought to its end, though its client has gone', async () => {
    const { write, commits, errors, arrived, answer } = await cell()
    const call = new OpenCall(LONG_MS)
    const outcome = write(call)
    await arrived
    call.cancel('the caller has gone')
    await new Promise((resolve) => setTimeout(resolve, 50))
    answer(undefined)
    expect(await outcome).toEqual({ version: 3 })
    expect([commits.length, errors]).toEqual([1, []])
  })

  it('whose client goes before it is sent is not sent, and states so', async () => {
    const { write, commits, answer } = await cell()
    const call = new OpenCall(LONG_MS)
    call.cancel('the caller has gone')
    await expect(write(call)).rejects.toThrowError(
      expect.objectContaining({ code: 'TIMEOUT', details: { notExecuted: true } }),
    )
    answer(undefined)
    expect(commits).toEqual([])
  })

  it('without an answer at its deadline has an unknown outcome, and closes its connection', async () => {
    const { write, arrived, gone, errors } = await cell()
    const outcome = write(new OpenCall(1000))
    outcome.catch(() => undefined)
    await arrived
    await expect(outcome).rejects.toThrowError(
      expect.objectContaining({ code: 'UNKNOWN_OUTCOME', details: { cells: { 0: 'unknown' } } }),
    )
    await gone
    expect(errors).toEqual(['CELL_UNAVAILABLE'])
  })

  it('at a pod that does not lead any more has an unknown outcome, long before its deadline', async () => {
    const { write, arrived, gone, deposed, errors } = await cell()
    const outcome = write(new OpenCall(LONG_MS))
    outcome.catch(() => undefined)
    await arrived
    deposed.abort(new Error('pod-1 leads cell 0 now'))
    await expect(outcome).rejects.toThrowError(
      expect.objectContaining({ code: 'UNKNOWN_OUTCOME', message: expect.stringContaining('pod-1 leads cell 0 now') }),
    )
    await gone
    expect(errors).toEqual(['CELL_UNAVAILABLE'])
  })

  it('of a payload goes to the cell that has the row, whose primary knows the memory of its pods', async () => {
    const { write, cells, commits, answer } = await cell(64)
    answer(undefined)
    const call = new OpenCall(LONG_MS)
    const edit = (id: number, at: number) => ({ key: idKey(id), payload: Buffer.from('{}'), cell: at, ifVersion: 1 })
    await write(call, [edit(1, 7), edit(2, 7), edit(3, 9)])
    expect(cells.toSorted((a, b) => a - b)).toEqual([7, 9])
    expect(commits.flatMap(({ operations }) => operations.map(({ type }) => type))).toEqual(Array(3).fill('payload'))
    call.cancel('')
  })

  it('that its primary refuses for good is sent once', async () => {
    const { write, commits, answer } = await cell()
    answer(new MaksError('WAL_FULL', 'no room', { details: { notExecuted: true } }))
    await expect(write(new OpenCall(LONG_MS))).rejects.toThrowError(expect.objectContaining({ code: 'WAL_FULL' }))
    expect(commits).toHaveLength(1)
  })

  it('that its primary does not execute is sent again while time is left, and is refused before its deadline', async () => {
    const { write, commits, answer } = await cell()
    answer(new MaksError('NOT_PRIMARY', 'another pod leads', { details: { notExecuted: true } }))
    const call = new OpenCall(3000)
    await expect(write(call)).rejects.toThrowError(expect.objectContaining({ code: 'NOT_PRIMARY' }))
    expect([commits.length > 1, call.signal.aborted]).toEqual([true, false])
    call.cancel('')
  })
})
