/** Filtered exact searches of one cell in this process, next to the same searches without a filter, by the share of rows that match. */
import { tmpdir } from 'node:os'
import { encodeFilter, type FilterText } from '../core/filter/filter.ts'
import { parseIndexSchema } from '../core/filter/index-schema.ts'
import { parseFilter } from '../core/filter/parse-filter.ts'
import { idKey } from '../core/ids.ts'
import { parseJsonPath } from '../core/json/json-path.ts'
import { ORIGIN } from '../core/log/position.ts'
import { distance } from '../core/metric.ts'
import { seededRandom } from '../core/random.ts'
import { CellState } from '../shard-server/index/cell-state.ts'
import { type DataSet, queryOf, rowOf, titleOf } from './data/data-set.ts'
import { median, row, table, times } from './table.ts'

const METRIC = 'L2'
const LIMIT = 10
const SHARES = [0.0001, 0.001, 0.01, 0.1, 0.5, 1]
/** Searches of a case, each after one without a filter. */
const SEARCHES = 41
/** Of each case before any is timed: a server has run its code often. */
const WARM_UP = 20
/** Of these, answers that are compared with a plain loop. */
const CHECKED = 5
const TENANTS = 1000
const SCHEMAS: Record<string, string> = { label: 'keyword', n: 'float', note: 'text', tenant: 'keyword' }

interface Payload {
  /** A label and a word for each share of the rows, by chance. */
  label: string[]
  note: string
  /** From 0 to 1, evenly. */
  n: number
  tenant: string
}

type Case = [name: string, share: number, filter: object, matches: (payload: Payload) => boolean]

function payloads(rows: number): Payload[] {
  const random = seededRandom(11)
  return Array.from({ length: rows }, (_, id) => {
    const labels = SHARES.filter((share) => random() < share).map((share) => `share${1e4 * share}`)
    const words = SHARES.filter((share) => random() < share).map((share) => `Word${1e4 * share}`)
    return { label: labels, note: `Of these, ${words.join(' and ')}.`, n: random(), tenant: `tenant ${id % TENANTS}` }
  })
}

function cases(): Case[] {
  const label = (share: number) => ({ key: 'label', match: { value: `share${1e4 * share}` } })
  const below = (share: number) => ({ key: 'n', range: { lt: share } })
  const hasLabel = (share: number) => (payload: Payload) => payload.label.includes(`share${1e4 * share}`)
  const tenant = { key: 'tenant', match: { value: 'tenant 7' } }
  return [
    ...SHARES.flatMap((share): Case[] => [
      ['keyword', share, label(share), hasLabel(share)],
      ['range', share, below(share), ({ n }) => n < share],
      [
        'text',
        share,
        { key: 'note', match: { text: `word${1e4 * share}` } },
        ({ note }) => note.match(/\w+/g)?.includes(`Word${1e4 * share}`) === true,
      ],
    ]),
    ...[0.01, 0.1, 0.5].map(
      (share): Case => [
        'keyword and range',
        share * share,
        { must: [label(share), below(share)] },
        (payload) => hasLabel(share)(payload) && payload.n < share,
      ],
    ),
    ['tenant', 1 / TENANTS, tenant, (payload) => payload.tenant === 'tenant 7'],
  ]
}

export async function filters(set: DataSet): Promise<void> {
  const all = payloads(set.rows)
  const cell = cellOf(set, all)
  const started = performance.now()
  while (cell.indexes.step());
  const built = (performance.now() - started) / 1000
  const mib = cell.indexes.bytes / 2 ** 20
  table(
    `Filters: ${titleOf(set)}, ${LIMIT} neighbours, one query at a time; indexes of ${Object.keys(SCHEMAS).length} fields, ` +
      `${mib.toFixed(1)} MiB, built in ${built.toFixed(1)} s`,
    'filter',
    'rows that match',
    'p50, ms',
    'of the p50 without a filter',
    'longest, ms',
    'recall',
  )
  const each = cases().map(([name, share, json, matches]) => {
    const filter = encodeFilter(parseFilter('must' in json ? json : { must: [json] }, 'filter'))
    return { name, share, matches, filter }
  })
  for (let i = 0; i < WARM_UP; i++) for (const { filter } of each) await timed(cell, queryOf(set, i), filter)
  for (const { name, share, matches, filter } of each) {
    const [filtered, plain]: [number[], number[]] = [[], []]
    for (let i = 0; i < SEARCHES; i++) {
      plain.push(await timed(cell, queryOf(set, i)))
      filtered.push(await timed(cell, queryOf(set, i), filter))
    }
    const longest = filtered.toSorted((a, b) => a - b).at(-1) as number
    const recall = await recallOf(cell, set, filter, (id) => matches(all[id] as Payload))
    row(
      name,
      String(Number(share.toPrecision(2))),
      median(filtered),
      times(median(filtered), median(plain)),
      longest,
      recall.toFixed(3),
    )
  }
}

function cellOf(set: DataSet, all: readonly Payload[]): CellState {
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
  return cell
}

async function timed(cell: CellState, vector: Float32Array, filter?: FilterText): Promise<number> {
  const started = performance.now()
  await cell.search([{ vector, limit: LIMIT, ...(filter === undefined ? {} : { filter }) }])
  return performance.now() - started
}

/** The share of the nearest rows that match, by a plain loop, that a search finds. */
async function recallOf(
  cell: CellState,
  set: DataSet,
  filter: FilterText,
  matches: (id: number) => boolean,
): Promise<number> {
  let [found, wanted] = [0, 0]
  const ids = Array.from({ length: set.rows }, (_, id) => id).filter(matches)
  for (let i = 0; i < CHECKED; i++) {
    const vector = queryOf(set, i)
    const nearest = ids
      .map((id) => ({ id, distance: distance(METRIC, vector, rowOf(set, id)) }))
      .sort((a, b) => a.distance - b.distance || a.id - b.id)
      .slice(0, LIMIT)
    const [answer] = await cell.search([{ vector, limit: LIMIT, filter }])
    const keys = new Set(answer?.map(({ key }) => key))
    wanted += nearest.length
    found += nearest.filter(({ id }) => keys.has(idKey(id))).length
  }
  return wanted === 0 ? 1 : found / wanted
}
