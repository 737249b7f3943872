/** Filtered exact searches of one cell in this process, next to the same searches without a filter, by the share of rows that match. */
import { tmpdir } from 'node:os'
import type { FilterText } from '../../core/filter/filter.ts'
import { parseIndexSchema } from '../../core/filter/index-schema.ts'
import { idKey, idText } from '../../core/ids.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { distance } from '../../core/metric.ts'
import { CellState } from '../../shard-server/index/cell-state.ts'
import { type DataSet, queryOf, rowOf, titleOf } from '../data/data-set.ts'
import { median, row, table, times } from '../table.ts'
import { type Case, cases, type Payload, payloads, SCHEMAS } from './cases.ts'
import { measuredByPeer, type PeerName, type Times } from './peers.ts'

const METRIC = 'L2'
const LIMIT = 10
/** Searches of a case, each after one without a filter. */
const SEARCHES = 41
/** Of each case before any is timed: a server has run its code often. */
const WARM_UP = 20
/** Of these, answers that are compared with a plain loop. */
const CHECKED = 5
/** Peers compare in float32: as near as the farthest that is wanted is what differs by less. */
const ROUNDING = 1e-5

/** @param peers measured after, on the same data: of each its own searches without a filter are the measure */
export async function filters(set: DataSet, peers: readonly PeerName[]): Promise<void> {
  const all = payloads(set.rows)
  const each = cases()
  const nearest = each.map(({ matches }) => nearestOf(set, all, matches))
  const { cell, built } = cellOf(set, all)
  const mib = cell.indexes.bytes / 2 ** 20
  const about = `indexes of ${Object.keys(SCHEMAS).length} fields, ${mib.toFixed(1)} MiB, built in ${built.toFixed(1)} s`
  const ours = await measured(cell, set, each)
  print(`Filters: ${titleOf(set)}, ${LIMIT} neighbours, one query at a time; ${about}`, set, each, ours, nearest)
  for (const peer of peers) {
    const asked = { limit: LIMIT, searches: SEARCHES, warmUp: WARM_UP, checked: CHECKED }
    const found = measuredByPeer(peer, set, all, each, asked)
    if ('missing' in found) console.log(`\n${peer} is left out: ${found.missing}`)
    else print(`The same by ${found.about}`, set, each, found.cases, nearest, ours)
  }
}

/** @param ours what the p50 of a peer is compared with */
function print(
  title: string,
  set: DataSet,
  each: readonly Case[],
  found: readonly Times[],
  nearest: readonly Nearest[][],
  ours?: readonly Times[],
): void {
  const base = ours ? ['MaksDB, of this p50'] : []
  table(title, 'filter', 'rows that match', 'p50, ms', 'of the p50 without a filter', 'longest, ms', 'recall', ...base)
  for (const [i, { name, share }] of each.entries()) {
    const { plain, filtered, answers } = found[i] as Times
    const longest = filtered.toSorted((a, b) => a - b).at(-1) as number
    const recall = recallOf(set, answers, nearest[i] as Nearest[]).toFixed(3)
    const [p50, without] = [median(filtered), median(plain)]
    const compared = ours ? [times(median((ours[i] as Times).filtered), p50)] : []
    row(name, String(Number(share.toPrecision(2))), p50, times(p50, without), longest, recall, ...compared)
  }
  const plain = found.flatMap((one) => one.plain)
  console.log(`\nWithout a filter, p50 of all: ${median(plain).toFixed(2)} ms`)
}

function cellOf(set: DataSet, all: readonly Payload[]): { cell: CellState; built: number } {
  const vectors = { '': { size: set.dimension, metric: METRIC } } as const
  const shape = {
    owner: 'bench/filters/0',
    dimension: set.dimension,
    metric: METRIC,
    vectors,
    scratchDir: tmpdir(),
  } as const
  const cell = new CellState(shape, { position: ORIGIN, hash: '' })
  for (const [id, payload] of all.entries()) {
    const values = { key: idKey(id), born: id + 1, userVersion: 1, flag: 'o' as const }
    cell.rows.put({ ...values, payload: JSON.stringify(payload), vector: rowOf(set, id) })
  }
  cell.indexes.define(
    Object.entries(SCHEMAS).map(([name, schema]) => ({
      name,
      path: parseJsonPath(name, 'field_name'),
      schema: parseIndexSchema(schema, 'field_schema'),
    })),
  )
  const started = performance.now()
  while (cell.indexes.step());
  return { cell, built: (performance.now() - started) / 1000 }
}

async function measured(cell: CellState, set: DataSet, each: readonly Case[]): Promise<Times[]> {
  for (let i = 0; i < WARM_UP; i++) for (const { filter } of each) await idsFound(cell, queryOf(set, i), filter)
  const measuredCases: Times[] = []
  for (const { filter } of each) {
    const one: Times = { plain: [], filtered: [], answers: [] }
    for (let i = 0; i < SEARCHES; i++) {
      const started = performance.now()
      await idsFound(cell, queryOf(set, i))
      const between = performance.now()
      const ids = await idsFound(cell, queryOf(set, i), filter)
      one.plain.push(between - started)
      one.filtered.push(performance.now() - between)
      if (i < CHECKED) one.answers.push(ids)
    }
    measuredCases.push(one)
  }
  return measuredCases
}

async function idsFound(cell: CellState, vector: Float32Array, filter?: FilterText): Promise<number[]> {
  const [answer] = await cell.search([{ vector, limit: LIMIT, ...(filter === undefined ? {} : { filter }) }])
  return (answer ?? []).map(({ key }) => Number(idText(key)))
}

/** Of a query, the nearest rows that match, by a plain loop. */
interface Nearest {
  ids: ReadonlySet<number>
  /** Of the farthest of them. */
  distance: number
  matching: ReadonlySet<number>
}

function nearestOf(set: DataSet, all: readonly Payload[], matches: Case['matches']): Nearest[] {
  const matching = all.flatMap((payload, id) => (matches(payload) ? [id] : []))
  return Array.from({ length: CHECKED }, (_, i) => {
    const vector = queryOf(set, i)
    const nearest = matching
      .map((id) => ({ id, distance: distance(METRIC, vector, rowOf(set, id)) }))
      .sort((a, b) => a.distance - b.distance || a.id - b.id)
      .slice(0, LIMIT)
    const ids = new Set(nearest.map(({ id }) => id))
    return { ids, distance: nearest.at(-1)?.distance ?? 0, matching: new Set(matching) }
  })
}

/** The share of the nearest rows that match that the answers have. */
function recallOf(set: DataSet, answers: readonly number[][], nearest: readonly Nearest[]): number {
  let [had, wanted] = [0, 0]
  for (const [i, { ids, distance: farthest, matching }] of nearest.entries()) {
    const near = (id: number) => distance(METRIC, queryOf(set, i), rowOf(set, id)) <= farthest * (1 + ROUNDING)
    const answer = [...new Set(answers[i])]
    had += answer.filter((id) => ids.has(id) || (matching.has(id) && near(id))).length
    wanted += ids.size
  }
  return wanted === 0 ? 1 : had / wanted
}
