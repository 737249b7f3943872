/** The filters of the benchmark, and the payloads that they choose among. */
import { encodeFilter, type FilterText } from '../../core/filter/filter.ts'
import { parseFilter } from '../../core/filter/parse-filter.ts'
import { seededRandom } from '../../core/random.ts'

const SHARES = [0.0001, 0.001, 0.01, 0.1, 0.5, 1]
const TENANTS = 1000

/** The type of the index of each field. */
export const SCHEMAS: Record<string, string> = { label: 'keyword', n: 'float', note: 'text', tenant: 'keyword' }

export interface Payload {
  /** A label and a word for each share of the rows, by chance. */
  label: string[]
  note: string
  /** From 0 to 1, evenly. */
  n: number
  tenant: string
}

export interface Case {
  name: string
  /** Of the rows, those that match. */
  share: number
  /** As REST has it. */
  json: { must: readonly object[] }
  filter: FilterText
  matches: (payload: Payload) => boolean
}

export function payloads(rows: number): Payload[] {
  const random = seededRandom(11)
  return Array.from({ length: rows }, (_, id) => {
    const labels = SHARES.filter((share) => random() < share).map((share) => `share${1e4 * share}`)
    const words = SHARES.filter((share) => random() < share).map((share) => `Word${1e4 * share}`)
    return { label: labels, note: `Of these, ${words.join(' and ')}.`, n: random(), tenant: `tenant ${id % TENANTS}` }
  })
}

export function cases(): Case[] {
  const label = (share: number) => ({ key: 'label', match: { value: `share${1e4 * share}` } })
  const below = (share: number) => ({ key: 'n', range: { lt: share } })
  const word = (share: number) => ({ key: 'note', match: { text: `word${1e4 * share}` } })
  const hasLabel = (share: number) => (payload: Payload) => payload.label.includes(`share${1e4 * share}`)
  const hasWord = (share: number) => (payload: Payload) =>
    payload.note.match(/\w+/g)?.includes(`Word${1e4 * share}`) === true
  const tenant = { key: 'tenant', match: { value: 'tenant 7' } }
  return [
    ...SHARES.flatMap((share) => [
      caseOf('keyword', share, [label(share)], hasLabel(share)),
      caseOf('range', share, [below(share)], ({ n }) => n < share),
      caseOf('text', share, [word(share)], hasWord(share)),
    ]),
    ...[0.01, 0.1, 0.5].map((share) =>
      caseOf(
        'keyword and range',
        share * share,
        [label(share), below(share)],
        (payload) => hasLabel(share)(payload) && payload.n < share,
      ),
    ),
    caseOf('tenant', 1 / TENANTS, [tenant], (payload) => payload.tenant === 'tenant 7'),
  ]
}

function caseOf(name: string, share: number, must: readonly object[], matches: Case['matches']): Case {
  return { name, share, json: { must }, filter: encodeFilter(parseFilter({ must }, 'filter')), matches }
}
