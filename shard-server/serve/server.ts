/** The calls of routers and peers. Translates between frames and the parts of this pod; decides nothing itself. */
import { createReadStream } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { MaksError } from '../../core/errors.ts'
import { parsePosition } from '../../core/log/position.ts'
import { bytesOf, float32View } from '../../core/vector.ts'
import { type Chunk, decodeFrame, encodeFrame, FRAME_TYPE } from '../../protocol/frame.ts'
import { REPAIR_RPC } from '../../protocol/repair-rpc.ts'
import {
  type CentroidsRequest,
  type CommitRequest,
  type CommitResponse,
  type CountRequest,
  type CountResponse,
  type FacetRequest,
  type FacetResponse,
  type HandOverRequest,
  type HandOverResponse,
  type OperationHeader,
  type QuerySpec,
  type ReadScope,
  type RowFactsRequest,
  type RowFactsResponse,
  type RowsRequest,
  RPC,
  type SampleRequest,
  type ScrollRequest,
  type SearchRequest,
  type SnapshotRequest,
  vectorsOf,
  type WaitRequest,
} from '../../protocol/shard-rpc.ts'
import { type Call, callOf, checkWaiting } from '../../runtime/call.ts'
import { checkInternal, makeServer, readBody, send, sendJson, sharedBytes } from '../../runtime/http-server.ts'
import { InFlight } from '../../runtime/in-flight.ts'
import { inSlices } from '../../runtime/slices.ts'
import { type WorkEnd, withWorkEnd } from '../../runtime/work-end.ts'
import type { IdempotencyKey, Operation } from '../../store/cell-log.ts'
import type { EncodedRows, IndexQuery } from '../index/index-calls.ts'
import { FILE_NAME, listSnapshots, snapshotPath, verifySnapshot } from '../index/snapshot-manifest.ts'
import type { Replica } from '../log/replica.ts'
import type { Pod } from '../pod/pod.ts'
import type { ShardParts } from './parts.ts'
import { facts, heldRows, prepare, secure } from './repair-calls.ts'

/** A frame carries at most one router request, whose body has its own limit. */
const BODY_BYTES_MAX = 256 * 1024 * 1024

type Handler = (
  parts: ShardParts,
  header: never,
  chunks: Buffer[],
  call: Call,
) => Promise<{ header: unknown; chunks?: Chunk[] }>

const handlers: Record<string, Handler> = {
  [RPC.commit]: commit,
  [RPC.search]: search,
  [RPC.rows]: rows,
  [RPC.scroll]: scroll,
  [RPC.count]: count,
  [RPC.facet]: facet,
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
  const inFlight = new InFlight({ bytes: 'QUEUE_CALL_BODIES_MAX' }, BODY_BYTES_MAX)
  return makeServer(async (request, response, url) => {
    checkInternal(request, pod.env.MAKSDB_INTERNAL_TOKEN, pod.config.tokenHashes)
    if (url.pathname === RPC.snapshotFile) return sendSnapshotFile(pod, request, response, url)
    if (url.pathname === RPC.status) return sendJson(response, 200, status(parts))
    const handler = handlers[url.pathname]
    if (!handler) throw new MaksError('NOT_FOUND', `no call ${url.pathname}`)
    inFlight.enter(request, response)
    const call = callOf(request, response)
    // The index thread reads the vectors of queries where they are.
    const memory = url.pathname === RPC.search ? sharedBytes : undefined
    const { header, chunks } = await inSlices(decodeFrame<never>(await readBody(request, BODY_BYTES_MAX, memory)))
    const answer = await handler(parts, header, chunks, call)
    send(response, 200, FRAME_TYPE, encodeFrame(answer.header, answer.chunks))
  })
}

/**
 * Comes to its end even if the caller has gone: entries in the log are durable, and the client may ask for their
 * outcome.
 */
async function commit(parts: ShardParts, request: CommitRequest, chunks: Buffer[], call: Call) {
  const { pod, committer, admission, replica } = parts
  const rowsOf = chunks.values()
  const operations = request.operations.map((operation) =>
    withSpill(toOperation(operation, pod.env.MAKSDB_CELL, rowsOf, request.idempotency), admission),
  )
  await admission.admit(operations)
  if (request.wait) replica.checkRoomToWait(Number.POSITIVE_INFINITY)
  const { results, heads, centroidVersion, timeline } = await committer.commit(operations)
  const own = heads[pod.env.MAKSDB_CELL]
  if (request.wait && own !== undefined && !(await reached(replica, { seq: own, timeline }, call))) {
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
  if (!row) throw new MaksError('BAD_REQUEST', 'an upsert or a payload has no bytes')
  if (operation.type === 'payload') return { type: 'P', key: operation.key, expect, payload: row, ...remembered }
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

/** The operation without its redundant row if the cell of that has no memory for it: a redundant row is never needed. */
function withSpill(operation: Operation, admission: ShardParts['admission']): Operation {
  if (!('copy' in operation) || operation.copy === null || admission.hasRoom(operation.copy)) return operation
  return { ...operation, copy: null }
}

/** Whether the pod has applied this very entry. After Redis has come back the same position may be another entry. */
async function reached(replica: Replica, { seq, timeline }: WaitRequest, call: Call): Promise<boolean> {
  const applied = replica.timeline === timeline && (await replica.waitApplied(seq, call.signal))
  return applied && replica.timeline === timeline
}

/**
 * Waits until this pod may answer a read of this scope. Throws NOT_PRIMARY or STALE, upon which the router asks another
 * pod, OVERLOADED if too many wait, and TIMEOUT if the call has ended: the index thread works for no caller that has gone.
 */
async function enter(
  { pod, election, replica }: ShardParts,
  scope: ReadScope,
  call: Call,
): Promise<number | undefined> {
  if (replica.phase === 'loading' || replica.phase === 'bootstrapping')
    throw new MaksError('NOT_READY', `pod ${pod.name} is ${replica.phase}`, { details: { notExecuted: true } })
  if (scope.primary && !election.leads())
    throw new MaksError('NOT_PRIMARY', `pod ${pod.name} does not lead its cell`, { details: { notExecuted: true } })
  if (!scope.cut) return undefined
  replica.checkRoomToWait(scope.cut.seq)
  const applied = await reached(replica, scope.cut, call)
  checkWaiting(call)
  if (!applied) {
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
async function search(parts: ShardParts, { scope, queries }: SearchRequest, chunks: Buffer[], call: Call) {
  const at = await enter(parts, scope, call)
  const vectors = float32View(chunks[0] ?? Buffer.alloc(0))
  const find = (end?: WorkEnd) => parts.searchBatcher.search(indexQueries(parts.pod, queries, vectors, at, end), call)
  const answers = queries.some(({ scoring }) => scoring !== undefined) ? await withWorkEnd(call, find) : await find()
  leave(parts, scope)
  const encoded = answers.map(({ found }) => found)
  const hits = encoded.flatMap(({ headers }, i) => (i === 0 ? [headers] : [',', headers]))
  const plans = encoded.map(({ plan }, i) => (queries[i]?.explain ? plan : null))
  const shown = queries.some(({ explain }) => explain) ? `,"plans":${JSON.stringify(plans)}` : ''
  return {
    header: jsonParts([
      '{"hits":[',
      ...hits,
      `],"scanned":${Math.max(0, ...answers.map(({ scanned }) => scanned))}${shown}}`,
    ]),
    chunks: chunksOf(encoded),
  }
}

/** Each query with its vectors. */
function indexQueries(
  { config }: Pod,
  specs: readonly QuerySpec[],
  vectors: Float32Array,
  at: number | undefined,
  workEnd: WorkEnd | undefined,
): IndexQuery[] {
  const dimension = config.vectors[''].size
  let end = 0
  const queries = specs.map((spec) => {
    const begin = end
    end += dimension * vectorsOf(spec)
    return { spec, vector: vectors.subarray(begin, end), at, ...(workEnd && { end: workEnd }) }
  })
  if (vectors.length !== end) throw new MaksError('BAD_REQUEST', 'the queries do not fit the dimension')
  return queries
}

async function rows(parts: ShardParts, request: RowsRequest, _chunks: Buffer[], call: Call) {
  const at = await enter(parts, request.scope, call)
  const { keys, withPayload, withVector } = request
  const answer = await parts.pod.index.ask('rows', { keys, at, withPayload, withVector })
  leave(parts, request.scope)
  return rowsFrame(answer)
}

async function scroll(parts: ShardParts, request: ScrollRequest, _chunks: Buffer[], call: Call) {
  const at = await enter(parts, request.scope, call)
  const { from, limit, order, filter, withPayload, withVector } = request
  const { index } = parts.pod
  const answer: EncodedRows & { matching?: number } = order
    ? await index.scan('orderedPage', { order, limit, filter, at, withPayload, withVector }, call)
    : await index.scan('page', { from, limit, filter, at, withPayload, withVector }, call)
  leave(parts, request.scope)
  return rowsFrame(answer)
}

/** The text of a `RowsResponse`. */
function rowsFrame(answer: EncodedRows & { matching?: number }) {
  const end = answer.matching === undefined ? '}' : `,"matching":${answer.matching}}`
  return { header: jsonParts(['{"rows":', answer.headers, end]), chunks: chunksOf([answer]) }
}

async function facet(parts: ShardParts, { scope, path, filter }: FacetRequest, _chunks: Buffer[], call: Call) {
  const at = await enter(parts, scope, call)
  const { texts, counts } = await parts.pod.index.scan('facet', { at, path, filter }, call)
  leave(parts, scope)
  const header: FacetResponse = { values: counts.length }
  return { header, chunks: [texts, new Uint8Array(counts.buffer)] }
}

function jsonParts(parts: readonly (string | Uint8Array)[]): Chunk {
  return parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))
}

function chunksOf(encoded: readonly EncodedRows[]): Chunk[] {
  return [encoded.map(({ vectors }) => bytesOf(vectors)), encoded.map(({ payloads }) => payloads)]
}

async function count(parts: ShardParts, request: CountRequest, _chunks: Buffer[], call: Call) {
  const at = await enter(parts, request.scope, call)
  const header: CountResponse = await parts.pod.index.scan('count', { at, filter: request.filter }, call)
  leave(parts, request.scope)
  return { header }
}

async function rowFacts(parts: ShardParts, { scope, keys }: RowFactsRequest, _chunks: Buffer[], call: Call) {
  await enter(parts, scope, call)
  const header: RowFactsResponse = { rows: await parts.pod.index.ask('rowFacts', { keys }) }
  leave(parts, scope)
  return { header }
}

async function wait({ pod, replica, election }: ShardParts, request: WaitRequest, _chunks: Buffer[], call: Call) {
  if (!election.leads())
    throw new MaksError('NOT_PRIMARY', `pod ${pod.name} does not lead its cell`, { details: { notExecuted: true } })
  if (replica.timeline !== request.timeline)
    throw new MaksError('UNKNOWN_OUTCOME', 'Redis came back otherwise while the write was on its way')
  replica.checkRoomToWait(request.seq)
  if (!(await reached(replica, request, call)))
    throw new MaksError('TIMEOUT', `pod ${pod.name} has not applied ${request.seq}`)
  return { header: {} }
}

async function handOver({ election }: ShardParts, request: HandOverRequest) {
  return { header: (await election.handOver(request.holdOffMs)) satisfies HandOverResponse }
}

async function sample({ pod }: ShardParts, request: SampleRequest) {
  return { header: {}, chunks: [bytesOf(await pod.index.ask('sample', { limit: request.limit }))] }
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
  if (!FILE_NAME.test(name)) throw new MaksError('BAD_REQUEST', 'no such file')
  const path = join(snapshotPath(pod.snapshotDir, parsePosition(url.searchParams.get('position') ?? '')), name)
  response.writeHead(200, { 'content-type': 'application/octet-stream' })
  await pipeline(createReadStream(path), response).catch(() => response.destroy())
}

function status({ pod, replica, election, admission }: ShardParts) {
  return {
    pod: pod.name,
    role: election.role,
    epoch: Number(election.lead?.epoch ?? 0),
    phase: replica.phase,
    regressed: replica.regressed,
    point: replica.tip,
    stats: replica.stats,
    memoryFull: admission.full(),
  }
}
