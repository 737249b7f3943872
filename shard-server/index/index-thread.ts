/**
 * The index thread: one call after the other; only filters, snapshots, loading, training and cleaning yield to other calls on the
 * way, and searches, which run beside it.
 */
import { mkdirSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { asMaksError } from '../../core/errors.ts'
import type { IndexDefinition } from '../../core/filter/index-schema.ts'
import type { IdKey } from '../../core/ids.ts'
import { InvariantViolated } from '../../core/invariant.ts'
import { formatPosition, ORIGIN } from '../../core/log/position.ts'
import { ownerCell } from '../../core/partition.ts'
import { encodeRow } from '../../core/row-codec.ts'
import { SpillReservoir } from '../../core/spill.ts'
import type { CellPlan } from '../../protocol/shard-rpc.ts'
import { giveBackWhenIdle } from '../../runtime/idle-heap.ts'
import { headsOf } from '../../store/entry-block.ts'
import type { RowFlag } from '../../store/log-entry.ts'
import { CellState } from './cell-state.ts'
import { encodeRows, gather } from './encode-rows.ts'
import type {
  Answer,
  Argument,
  EncodedRows,
  IndexCall,
  IndexCalls,
  IndexQuery,
  IndexStats,
  MigrationScanAnswer,
} from './index-calls.ts'
import { facet, orderedPage } from './payload-reads.ts'
import { foundRows } from './query-rows.ts'
import { facts, heldRows, rowFacts } from './row-facts.ts'
import type { RowMask } from './row-mask.ts'
import type { RowStore } from './row-store.ts'
import { loadSnapshot, pruneSnapshots, removeUnfinished, setAside, writeSnapshot } from './snapshot-files.ts'
import { DamagedSnapshot, listSnapshots, snapshotPath } from './snapshot-manifest.ts'
import { train } from './training.ts'
import { trimMemory } from './trim-memory.ts'
import { whileHeld } from './while-held.ts'

let state: CellState
let reservoir: SpillReservoir | undefined
/** The payload indexes that the cell has, whatever is loaded. */
let definitions: readonly IndexDefinition[] = []
/** Does `upkeepInSteps` run? */
let upkeep = false
/**
 * Queries that the kernel cannot answer exactly are compared with every row for so long in one call; the rest comes in the
 * next.
 */
const SCAN_MS = 200
/** A heap with more, of ids that are texts, is not collected out of turn: searches would wait. */
const IDLE_HEAP_MAX = 64 * 1024 * 1024
/** Rows that one step of a migration scan looks at. */
const WALK_ROWS = 2000

type Handlers = {
  [C in IndexCall]: (call: Argument<C>) => ReturnType<IndexCalls[C]> | Promise<ReturnType<IndexCalls[C]>>
}

const handlers: Handlers = {
  async collect() {
    state.rows.cleanThoroughly()
    while (state.clean()) await new Promise(setImmediate)
    giveBack()
    return null
  },
  open(shape) {
    mkdirSync(shape.scratchDir, { recursive: true })
    startFrom(new CellState(shape, { position: ORIGIN, hash: '' }))
    return stats()
  },

  async load({ dir, below }) {
    await removeUnfinished(dir)
    const damaged: string[] = []
    for (const position of await listSnapshots(dir)) {
      if (below && position.seq >= below.position.seq) continue
      const path = snapshotPath(dir, position)
      try {
        startFrom(await loadSnapshot(state.shape, path))
        giveBack()
        return { stats: stats(), loaded: position, damaged }
      } catch (error) {
        // Any other error is no proof against the snapshot, and ends the process.
        if (!(error instanceof DamagedSnapshot)) throw error
        damaged.push(`${error.message}; it is kept as ${await setAside(path)}`)
      }
    }
    startFrom(new CellState(state.shape, { position: ORIGIN, hash: '' }))
    return { stats: stats(), loaded: undefined, damaged }
  },

  stats,

  async apply(block) {
    state.apply([...headsOf(block)], block.bytes, block.point)
    // Each apply waits for the one before, so the log comes in no faster than rows are cleaned.
    while (state.overdue && state.clean()) await new Promise(setImmediate)
    upkeepInSteps()
    return { stats: stats(), memory: { bytes: block.bytes, places: block.places } }
  },

  search({ queries }) {
    // A repair may replace the rows while the kernel searches, and cleaning moves them; row numbers are those of these.
    const { rows } = state
    return whileHeld(rows, () => search(rows, queries))
  },

  matchNone({ filters }) {
    // A row that was just applied may match anything until the indexes have come to it.
    if (state.indexes.pending > 0) state.indexes.step()
    return filters.map(({ filter, at }) => state.matchesNone(filter, at))
  },

  defineIndexes(call) {
    definitions = call.definitions
    state.indexes.define(definitions)
    upkeepInSteps()
  },

  payloadIndexes() {
    return state.indexes.state(state.rows.maskAt(undefined))
  },

  rows(call) {
    state.checkReadable(call.at)
    const rows = call.keys.map((key) => state.rows.ownerRow(key, call.at)).filter((row) => row !== undefined)
    return encodeRows(state.rows, rows, () => ({}), call)
  },

  async page(call) {
    const { from, limit, filter, at, end } = call
    const { rows } = state
    state.checkReadable(at)
    if (filter === undefined) return encodeRows(rows, rows.page(from, limit, at), () => ({}), call)
    return whileHeld(rows, async () =>
      encodeRows(rows, await state.page(from, limit, filter, at, end), () => ({}), call),
    )
  },

  orderedPage(call) {
    return orderedPage(state, call)
  },

  facet(call) {
    return facet(state, call)
  },

  async count({ at, filter, end }) {
    const { rows } = state
    state.checkReadable(at)
    if (filter === undefined) return { count: rows.count('o', at), redundantRows: rows.count('c', at) }
    return whileHeld(rows, async () => {
      const mask = await state.matching(filter, at, end)
      return { count: flagged(rows, mask, 'o'), redundantRows: flagged(rows, mask, 'c') }
    })
  },

  liveKeys({ from, limit }) {
    const { rows } = state
    const begin = Math.max(rows.first, from)
    const to = Math.min(rows.end, begin + limit)
    const keys: IdKey[] = []
    for (let row = begin; row < to; row++) if (rows.isLive(row)) keys.push(rows.keyOf(row))
    return { keys, next: to < rows.end ? to : null }
  },

  rowFacts({ keys }) {
    return rowFacts(state, keys)
  },

  facts({ from, to }) {
    return facts(state, from, to)
  },

  heldRows({ keys }) {
    return heldRows(state, keys)
  },

  centroids() {
    return state.centroids.bytes
  },

  async snapshot({ dir }) {
    await writeSnapshot(state, dir)
    upkeepInSteps()
    return { kept: (await pruneSnapshots(dir)).map(formatPosition) }
  },

  sample({ limit }) {
    const owners = state.rows.liveRows().filter((row) => state.rows.flagOf(row) === 'o')
    const step = Math.max(1, owners.length / limit)
    const chosen: number[] = []
    for (let at = 0; at < owners.length && chosen.length < limit; at += step)
      chosen.push(owners[Math.floor(at)] as number)
    return gather(state.rows, chosen)
  },

  train(call) {
    return train(state.shape, call)
  },

  migrationScan({ cell, partition, redundantStorage, from, limit }) {
    reservoir ??= new SpillReservoir(redundantStorage)
    const found: MigrationScanAnswer = { misplaced: [], source: [], next: null }
    const { rows } = state
    const begin = Math.max(rows.first, from)
    let row = begin
    for (; row < rows.end && row < begin + WALK_ROWS && found.misplaced.length + found.source.length < limit; row++) {
      if (!rows.isLive(row)) continue
      const { key, born, flag, payload, vector } = rows.at(row)
      if (flag === 'l') found.source.push({ key, version: born })
      if (flag !== 'o') continue
      const owner = ownerCell(partition, key, vector)
      if (owner === cell) continue
      const copy = reservoir.spillFor(partition, owner, vector) ?? null
      found.misplaced.push({ key, version: born, owner, copy, row: encodeRow({ vector, payload }) })
    }
    found.next = row < rows.end ? row : null
    return found
  },
}

function startFrom(loaded: CellState): void {
  state = loaded
  state.indexes.define(definitions)
  upkeepInSteps()
}

/** What garbage holds, files that were read among it. */
function giveBack(): void {
  if (getHeapStatistics().used_heap_size <= IDLE_HEAP_MAX) globalThis.gc?.({ type: 'major', execution: 'sync' })
  trimMemory?.()
}

/** Cleans rows and adds rows to the payload indexes until nothing is due, and lets other calls in between the steps. */
function upkeepInSteps(): void {
  if (upkeep) return
  upkeep = true
  const step = () => {
    const cleaned = state.clean()
    const indexed = state.indexes.step()
    if (cleaned || indexed) setImmediate(step)
    else upkeep = false
  }
  setImmediate(step)
}

/** @param rows held by the caller */
async function search(rows: RowStore, queries: readonly IndexQuery[]): Promise<Answer<'search'>> {
  const scanned = rows.live
  const plans: CellPlan[] = []
  const found = await foundRows(state, rows, queries, SCAN_MS, (query, plan) => {
    plans[query] = plan
  })
  return {
    scanned,
    queries: queries.map(({ spec }, i) => {
      const nearest = found[i]
      if (!nearest) return undefined
      const numbers = nearest.map(({ row }) => row)
      const encoded = encodeRows(rows, numbers, (_row, n) => ({ distance: nearest[n]?.distance }), spec)
      return { ...encoded, plan: plans[i] as CellPlan }
    }),
  }
}

function stats(): IndexStats {
  const { rows, tip: point, version, holes, compactions, centroids } = state
  const { points, copies, dead, digest, bytes } = rows
  return {
    tip: point,
    version,
    holes,
    points,
    redundantRows: copies,
    dead,
    compactions,
    centroidVersion: centroids.version,
    digest,
    bytes: { ...bytes, indexes: state.indexes.bytes },
  }
}

/** How many rows of the mask have the flag. */
function flagged(rows: RowStore, mask: RowMask, flag: RowFlag): number {
  let count = 0
  for (let row = mask.next(0); row >= 0; row = mask.next(row + 1)) if (rows.flagOf(row) === flag) count++
  return count
}

interface CallMessage {
  id: number
  call: IndexCall
  argument: unknown
}

/** Buffers that move to the main thread without a copy. Small ones share their memory with others and are copied. */
function buffersOf(call: IndexCall, value: unknown): ArrayBuffer[] {
  if (call === 'apply') {
    const { bytes, places } = (value as Answer<'apply'>).memory
    return [bytes.buffer, places.buffer]
  }
  const encoded =
    call === 'search'
      ? (value as { queries: (EncodedRows | undefined)[] }).queries.filter((rows) => rows !== undefined)
      : call === 'rows' || call === 'page' || call === 'orderedPage'
        ? [value as EncodedRows]
        : []
  return encoded
    .flatMap(({ headers, vectors, payloads }) => [headers, vectors, payloads])
    .flatMap(({ buffer, byteLength }) =>
      buffer instanceof ArrayBuffer && byteLength > 0 && byteLength === buffer.byteLength ? [buffer] : [],
    )
}

async function answer(port: MessagePort, { id, call, argument }: CallMessage): Promise<void> {
  try {
    const value = await (handlers[call] as (argument: unknown) => unknown)(argument)
    port.postMessage({ id, value }, buffersOf(call, value))
  } catch (thrown) {
    // A wrong state answers no further call: the thread ends, and the process with it.
    if (thrown instanceof InvariantViolated) throw thrown
    const error = asMaksError(thrown)
    port.postMessage({ id, error: { code: error.code, message: error.message } })
  }
}

giveBackWhenIdle(IDLE_HEAP_MAX, trimMemory)
parentPort?.on('message', (message: CallMessage) => {
  if (parentPort) void answer(parentPort, message)
})
