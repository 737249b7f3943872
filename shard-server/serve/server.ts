/** The calls of routers and peers. Translates between frames and the parts of this pod; decides nothing itself. */
import { createReadStream } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { MaksError } from '../../core/errors.ts'
import { parsePosition } from '../../core/log/position.ts'
import { bytesOf, float32View } from '../../core/vector.ts'
import { decodeFrame, encodeFrame, FRAME_TYPE } from '../../protocol/frame.ts'
import { REPAIR_RPC } from '../../protocol/repair-rpc.ts'
import {
  type CentroidsRequest,
  type CommitRequest,
  type CommitResponse,
  type CountRequest,
  type CountResponse,
  type HandOverRequest,
  type HandOverResponse,
  type OperationHeader,
  type ReadScope,
  type RowFactsRequest,
  type RowFactsResponse,
  type RowsRequest,
  RPC,
  type SampleRequest,
  type ScrollRequest,
  type SearchRequest,
  type SnapshotRequest,
  type WaitRequest,
} from '../../protocol/shard-rpc.ts'
import { checkInternal, makeServer, readBody, send, sendJson } from '../../runtime/http-server.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { IdempotencyKey, Operation } from '../../store/cell-log.ts'
import type { ToldRows } from '../index/index-calls.ts'
import { listSnapshots, snapshotPath, verifySnapshot } from '../index/snapshot-manifest.ts'
import type { Replica } from '../log/replica.ts'
import type { Pod } from '../pod/pod.ts'
import type { ShardParts } from './parts.ts'
import { facts, heldRows, prepare, secure } from './repair-calls.ts'

/** A frame carries at most one router request, whose body has its own limit. */
const BODY_BYTES_MAX = 256 * 1024 * 1024

type Call = (parts: ShardParts, header: never, chunks: Buffer[]) => Promise<{ header: unknown; chunks?: Uint8Array[] }>

const calls: Record<string, Call> = {
  [RPC.commit]: commit,
  [RPC.search]: search,
  [RPC.rows]: rows,
  [RPC.scroll]: scroll,
  [RPC.count]: count,
  [RPC.rowFacts]: rowFacts,
  [RPC.wait]: wait,
  [RPC.sample]: sample,
  [RPC.centroids]: centroids,
  [RPC.snapshotManifest]: newestManifest,
  [RPC.handOver]: handOver,
  [REPAIR_RPC.prepare]: prepare,
  [REPAIR_RPC.secure]: secure,
  [REPAIR_RPC.facts]: facts,
  [REPAIR_RPC.rows]: heldRows,
}

export function makeShardServer(parts: ShardParts): Server {
  const { pod } = parts
  return makeServer(async (request, response, url) => {
    checkInternal(request, pod.env.MAKSDB_INTERNAL_TOKEN, pod.config.tokenHashes)
    if (url.pathname === RPC.snapshotFile) return sendSnapshotFile(pod, request, response, url)
    if (url.pathname === RPC.status) return sendJson(response, 200, status(parts))
    const call = calls[url.pathname]
    if (!call) throw new MaksError('NOT_FOUND', `no call ${url.pathname}`)
    const { header, chunks } = await inSlices(decodeFrame<never>(await readBody(request, BODY_BYTES_MAX)))
    const answer = await call(parts, header, chunks)
    send(response, 200, FRAME_TYPE, encodeFrame(answer.header, answer.chunks))
  })
}

async function commit(parts: ShardParts, request: CommitRequest, chunks: Buffer[]) {
  const { pod, committer, replica } = parts
  const rowsOf = chunks.values()
  const operations = request.operations.map((operation) =>
    toOperation(operation, pod.env.MAKSDB_CELL, rowsOf, request.idempotency),
  )
  const { results, heads, centroidVersion, timeline } = await committer.commit(operations)
  const own = heads[pod.env.MAKSDB_CELL]
  if (
    request.wait &&
    own !== undefined &&
    !(await reached(replica, { seq: own, timeline, timeoutMs: request.timeoutMs }))
  ) {
    throw new MaksError('UNKNOWN_OUTCOME', 'the write is in the log, but was not applied in time', {
      details: { applied: results.length },
    })
  }
  return { header: { results, heads, centroidVersion, timeline } satisfies CommitResponse }
}

function toOperation(
  operation: OperationHeader,
  cell: number,
  rowsOf: Iterator<Buffer>,
  idempotency: IdempotencyKey | undefined,
): Operation {
  const remembered = idempotency ? { idempotency } : {}
  const expect = operation.ifVersion === undefined ? '' : `v${operation.ifVersion}`
  if (operation.type === 'delete') return { type: 'D', key: operation.key, expect, ...remembered }
  const row: Buffer | undefined = rowsOf.next().value
  if (!row) throw new MaksError('BAD_REQUEST', 'an upsert has no row')
  return {
    type: 'U',
    key: operation.key,
    owner: cell,
    copy: operation.copy,
    expect,
    centroidVersion: operation.centroidVersion,
    row,
    ...remembered,
  }
}

/** Has the pod applied the entry that was meant? After Redis has come back the same position may be another entry. */
async function reached(replica: Replica, { seq, timeline, timeoutMs }: WaitRequest): Promise<boolean> {
  return replica.timeline === timeline && (await replica.waitApplied(seq, timeoutMs)) && replica.timeline === timeline
}

/** Waits until this pod may answer a read of this scope. Throws NOT_PRIMARY or STALE, which let the router ask another. */
async function enter({ pod, election, replica }: ShardParts, scope: ReadScope): Promise<number | undefined> {
  if (replica.phase === 'loading' || replica.phase === 'bootstrapping')
    throw new MaksError('NOT_READY', `pod ${pod.name} is ${replica.phase}`, { details: { notExecuted: true } })
  if (scope.primary && !election.leads())
    throw new MaksError('NOT_PRIMARY', `pod ${pod.name} does not lead its cell`, { details: { notExecuted: true } })
  if (!scope.cut) return undefined
  if (!(await reached(replica, { ...scope.cut, timeoutMs: scope.timeoutMs }))) {
    throw new MaksError('STALE', `pod ${pod.name} has not reached ${scope.cut.epoch}-${scope.cut.seq}`)
  }
  return scope.cut.version
}

/** A pause between reading and answering may have outlived the lease: then the answer does not count. */
function leave({ pod, election }: ShardParts, scope: ReadScope): void {
  if (scope.primary && !election.leads())
    throw new MaksError('NOT_PRIMARY', `pod ${pod.name} lost the lead while it answered`, {
      details: { notExecuted: true },
    })
}

/** Answers with the text of a `SearchResponse`. */
async function search(parts: ShardParts, request: SearchRequest, chunks: Buffer[]) {
  const at = await enter(parts, request.scope)
  const dimension = parts.pod.config.vectors[''].size
  const vectors = float32View(chunks[0] ?? Buffer.alloc(0))
  if (vectors.length !== dimension * request.limits.length)
    throw new MaksError('BAD_REQUEST', 'the queries do not fit the dimension')
  const { withPayload, withVector } = request
  const answers = await parts.searchBatcher.search(
    request.limits.map((limit, i) => ({
      vector: vectors.subarray(i * dimension, (i + 1) * dimension),
      limit,
      at,
      withPayload,
      withVector,
    })),
  )
  leave(parts, request.scope)
  const told = answers.map(({ found }) => found)
  const hits = told.flatMap(({ headers }, i) => (i === 0 ? [headers] : [Buffer.from(','), headers]))
  const text = ['{"hits":[', ...hits, `],"scanned":${answers[0]?.scanned ?? 0}}`]
  return { header: jsonBytes(text), chunks: chunksOf(told) }
}

async function rows(parts: ShardParts, request: RowsRequest) {
  const at = await enter(parts, request.scope)
  const { keys, withPayload, withVector } = request
  const answer = await parts.pod.index.call('rows', { keys, at, withPayload, withVector })
  leave(parts, request.scope)
  return rowsFrame(answer)
}

async function scroll(parts: ShardParts, request: ScrollRequest) {
  const at = await enter(parts, request.scope)
  const { from, limit, withPayload, withVector } = request
  const answer = await parts.pod.index.call('page', { from, limit, at, withPayload, withVector })
  leave(parts, request.scope)
  return rowsFrame(answer)
}

/** The text of a `RowsResponse`. */
function rowsFrame(answer: ToldRows) {
  return { header: jsonBytes(['{"rows":', answer.headers, '}']), chunks: chunksOf([answer]) }
}

function jsonBytes(parts: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
}

function chunksOf(told: readonly ToldRows[]): Uint8Array[] {
  return [
    Buffer.concat(told.map(({ vectors }) => bytesOf(vectors))),
    Buffer.concat(told.map(({ payloads }) => payloads)),
  ]
}

async function count(parts: ShardParts, request: CountRequest) {
  const at = await enter(parts, request.scope)
  const header: CountResponse = await parts.pod.index.call('count', { at })
  leave(parts, request.scope)
  return { header }
}

async function rowFacts(parts: ShardParts, { scope, keys }: RowFactsRequest) {
  await enter(parts, scope)
  const header: RowFactsResponse = { rows: await parts.pod.index.call('rowFacts', { keys }) }
  leave(parts, scope)
  return { header }
}

async function wait({ pod, replica, election }: ShardParts, request: WaitRequest) {
  if (!election.leads())
    throw new MaksError('NOT_PRIMARY', `pod ${pod.name} does not lead its cell`, { details: { notExecuted: true } })
  if (replica.timeline !== request.timeline)
    throw new MaksError('UNKNOWN_OUTCOME', 'Redis came back otherwise while the write was on its way')
  if (!(await reached(replica, request)))
    throw new MaksError('TIMEOUT', `pod ${pod.name} has not applied ${request.seq}`)
  return { header: {} }
}

async function handOver({ election }: ShardParts, request: HandOverRequest) {
  return { header: (await election.handOver(request.holdOffMs)) satisfies HandOverResponse }
}

async function sample({ pod }: ShardParts, request: SampleRequest) {
  return { header: {}, chunks: [bytesOf(await pod.index.call('sample', { limit: request.limit }))] }
}

async function centroids({ rebalancer }: ShardParts, request: CentroidsRequest, chunks: Buffer[]) {
  return { header: { version: await rebalancer.install(request, chunks[0]) } }
}

async function newestManifest({ pod, replica, snapshotter }: ShardParts, { atLeast }: SnapshotRequest) {
  const wanted = parsePosition(atLeast)
  const present = (await listSnapshots(pod.snapshotDir))[0]
  if (!present || present.seq < wanted.seq) {
    if (replica.phase !== 'following' || replica.tip.position.seq < wanted.seq)
      throw new MaksError('NOT_READY', `pod ${pod.name} has not come to ${atLeast}`)
    await snapshotter.take()
  }
  const [newest] = await listSnapshots(pod.snapshotDir)
  if (!newest || newest.seq < wanted.seq)
    throw new MaksError('NOT_READY', `pod ${pod.name} has no snapshot at or after ${atLeast}`)
  return { header: await verifySnapshot(snapshotPath(pod.snapshotDir, newest)) }
}

async function sendSnapshotFile(
  pod: Pod,
  _request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const name = url.searchParams.get('name') ?? ''
  if (!/^[a-z]+\.[a-z]+$/.test(name)) throw new MaksError('BAD_REQUEST', 'no such file')
  const path = join(snapshotPath(pod.snapshotDir, parsePosition(url.searchParams.get('position') ?? '')), name)
  response.writeHead(200, { 'content-type': 'application/octet-stream' })
  await pipeline(createReadStream(path), response).catch(() => response.destroy())
}

function status({ pod, replica, election }: ShardParts) {
  return {
    pod: pod.name,
    role: election.role,
    epoch: Number(election.lead?.epoch ?? 0),
    phase: replica.phase,
    regressed: replica.regressed,
    point: replica.tip,
    stats: replica.stats,
  }
}
