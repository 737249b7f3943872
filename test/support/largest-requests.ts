/**
 * The largest requests that are legal, of every route of the router, and large ones that are not. A static test holds the
 * table complete: a new route is not finished before its largest request stands here.
 */
import { LIMITS } from '../../core/limits.ts'

/** The limit of the router that these requests are made for: its default. */
const BODY_BYTES_MAX = 32 * 1024 * 1024
/** More points than any collection has. */
const ALL = 999_999_999
/** Cells of each collection. */
export const CELLS = 2
/** Of the collection of many small points, and of the one of few large ones. */
export const SMALL_DIMENSION = 8
export const WIDE_DIMENSION = 4096
const WIDE_POINTS = 900
/** Points whose payloads an edit makes as long as they may be. */
const EDITED_LARGE = 8

export interface LargeRequest {
  what: string
  method: string
  path: string
  /** JSON text. */
  body?: () => string
  status: number
}

const SMALL = '/collections/small'
const WIDE = '/collections/wide'
const {
  BODY_VALUES_MAX,
  TEXT_BYTES_MAX,
  WRITE_POINTS_MAX,
  RETRIEVE_IDS_MAX,
  SEARCHES_MAX,
  CANDIDATES_MAX,
  PAYLOAD_BYTES_MAX,
  ALIASES_MAX,
  ALIAS_ACTIONS_MAX,
  FILTER_CONDITIONS_MAX,
  FILTER_VALUES_MAX,
  EXAMPLES_MAX,
  SETTINGS_MAX,
  SETTING_BYTES_MAX,
  OPERATIONS_MAX,
  EDIT_KEYS_MAX,
} = LIMITS

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
const list = (count: number, item: (i: number) => string) => numbers(count).map(item).join(',')
/** Cheap, and the same each time. */
const floats = (seed: number, count: number) =>
  list(count, (i) => (Math.abs(Math.sin(seed * 31 + i)) + 0.0001).toFixed(5))
const uuid = (i: number) => `"00000000-0000-4000-8000-${String(i).padStart(12, '0')}"`

/** The largest payload, of many members, each of another name. */
function largestPayload(): string {
  const members: string[] = []
  for (let bytes = 2, i = 0; ; i++) {
    const member = `"${i.toString(36)}":${i}`
    bytes += member.length + 1
    if (bytes > PAYLOAD_BYTES_MAX.value) return `{${members.join(',')}}`
    members.push(member)
  }
}

/** As many as a collection may have, each as large as it may be. */
function largestSettings(): string {
  const name = (i: number) => String(i).padStart(4, '0')
  const text = 'x'.repeat(SETTING_BYTES_MAX.value - 'metadata.0000""'.length)
  return list(SETTINGS_MAX.value, (i) => `"${name(i)}":"${text}"`)
}

/** As many aliases as a collection may have, each named as long as a name may be, moved as often as a request may. */
function largestAliases(): string {
  const name = (i: number) => String(i % ALIASES_MAX.value).padStart(255, 'a')
  const action = (i: number) => `{"create_alias":{"collection_name":"small","alias_name":"${name(i)}"}}`
  return `{"actions":[${list(ALIAS_ACTIONS_MAX.value, action)}]}`
}

function smallPoints(id: (i: number) => string): string {
  const point = (i: number) =>
    `{"id":${id(i)},"vector":[${floats(i, SMALL_DIMENSION)}],"payload":{"name":"point ${i}","n":${i}}}`
  return `{"points":[${list(WRITE_POINTS_MAX.value, point)}]}`
}

function searches(field: string, limit: number): string {
  const more = `"limit":${limit},"with_payload":["name","n"],"params":{"exact":true}`
  return `{"searches":[${list(SEARCHES_MAX.value, (i) => `{"${field}":[${floats(i, SMALL_DIMENSION)}],${more}}`)}]}`
}

/** Of as many conditions and values as there may be; no point matches. */
function largestFilter(): string {
  const conditions = list(FILTER_CONDITIONS_MAX.value - 1, (i) => `{"key":"n","match":{"value":-${i + 1}}}`)
  const names = list(FILTER_VALUES_MAX.value, (i) => `"nothing ${i}"`)
  return `"filter":{"should":[${conditions},{"key":"name","match":{"any":[${names}]}}]}`
}

/** Points with many places each, and the polygon of most corners, which none of them is in: each is compared with each. */
const PLACES = 100
function pointsWithPlaces(): string {
  const places = list(PLACES, (i) => `{"lon":${i / PLACES},"lat":${i / PLACES}}`)
  return `{"points":[${list(50, (i) => `{"id":${i},"vector":[${floats(i, SMALL_DIMENSION)}],"payload":{"places":[${places}]}}`)}]}`
}

function costliestFilter(): string {
  const corners = FILTER_VALUES_MAX.value - 2
  const turn = (i: number) => (2 * Math.PI * i) / corners
  const corner = (i: number) =>
    `{"lon":${(5 * Math.cos(turn(i)) + 10).toFixed(9)},"lat":${(5 * Math.sin(turn(i))).toFixed(9)}}`
  const ring = `${list(corners, corner)},${corner(0)}`
  return `"filter":{"must":[{"key":"places","geo_polygon":{"exterior":{"points":[${ring}]}}}]}`
}

/** As many different filters as a request may have queries. */
function filteredSearches(): string {
  const filter = (i: number) => `{"must":[{"key":"n","range":{"gte":${10 * i}}}]}`
  return `{"searches":[${list(SEARCHES_MAX.value, (i) => `{"query":[${floats(i, SMALL_DIMENSION)}],"filter":${filter(i)}}`)}]}`
}

/** As many ids as a request may have examples. */
const examples = () => list(EXAMPLES_MAX.value, String)
/** All of them are compared, with vectors that count as 64 values. */
const MMR_CANDIDATES = Math.floor(Math.sqrt(LIMITS.MMR_VALUES_MAX.value / 64))
const BATCH_LIMIT = Math.floor(CANDIDATES_MAX.value / SEARCHES_MAX.value / CELLS)
const filled = (before: string, part: string, after: string) =>
  before + part.repeat(Math.floor((BODY_BYTES_MAX - before.length - after.length) / part.length)) + after
/** A list that is as long as a body may be. */
const longList = (part: string) =>
  filled('[', `${part},`, `${part}]`.slice(0, part.length + 1)).slice(0, BODY_BYTES_MAX)
/** As long as a body may be, and of as many values. */
const wholeBody = (before = '{', after = '}') => {
  const values = '{},'.repeat(BODY_VALUES_MAX.value / 4 - 10)
  const lists = `[${values}{}],[${values}{}],[${values}{}]`
  const rest = Math.floor(
    (BODY_BYTES_MAX - before.length - after.length - lists.length - 100) / (TEXT_BYTES_MAX.value + 3),
  )
  const text = `"${'x'.repeat(TEXT_BYTES_MAX.value)}"`
  return `${before}"metadata":[${[lists, ...numbers(rest).map(() => text)].join(',')}]${after}`
}

const query = (extra: string, dimension: number) => `{"query":[${floats(5, dimension)}],${extra}}`
const search = (extra: string, dimension: number) => `{"vector":[${floats(5, dimension)}],${extra}}`
const everything = '"with_payload":true,"with_vector":true,"params":{"exact":true}'

function get(path: string, status = 200): LargeRequest[] {
  return [{ what: '', method: 'GET', path, status }]
}

function later(method: string, path: string): LargeRequest[] {
  return [{ what: 'a whole body', method, path, body: () => wholeBody(), status: 400 }]
}

/** By route, as express knows it. They are sent in this order. */
export const LARGEST: Record<string, LargeRequest[]> = {
  'GET /': get('/'),
  'GET /healthz': get('/healthz'),
  'GET /livez': get('/livez'),
  'GET /readyz': get('/readyz'),
  'GET /metrics': get('/metrics'),
  'GET /cluster': get('/cluster'),
  'GET /telemetry': get('/telemetry?anonymize=true&details_level=10'),
  'GET /aliases': get('/aliases'),
  'POST /collections/aliases': [
    { what: 'a whole body', method: 'POST', path: '/collections/aliases', body: () => wholeBody(), status: 400 },
    { what: 'most actions', method: 'POST', path: '/collections/aliases', body: largestAliases, status: 200 },
  ],
  'GET /collections/:c/aliases': get(`${SMALL}/aliases`),
  'GET /collections/:c/cluster': get(`${SMALL}/cluster`),
  'PUT /collections/:c': [
    {
      what: 'a whole body',
      method: 'PUT',
      path: '/collections/further',
      body: () => wholeBody('{"vectors":{"size":2,"distance":"Dot"},"wal_config":{', '}}'),
      status: 413,
    },
    {
      what: 'most settings',
      method: 'PUT',
      path: '/collections/further',
      body: () => `{"vectors":{"size":2,"distance":"Dot"},"metadata":{${largestSettings()}}}`,
      status: 200,
    },
  ],
  'PATCH /collections/:c': [
    {
      what: 'a whole body',
      method: 'PATCH',
      path: '/collections/further',
      body: () => wholeBody('{"hnsw_config":{', '}}'),
      status: 413,
    },
    {
      what: 'most settings',
      method: 'PATCH',
      path: '/collections/further',
      body: () => `{"metadata":{${largestSettings()}}}`,
      status: 200,
    },
  ],
  'DELETE /collections/:c/index/:field': [
    { what: '', method: 'DELETE', path: '/collections/further/index/a', status: 200 },
  ],
  'GET /collections': get('/collections'),
  'GET /collections/:c/exists': get(`${SMALL}/exists`),
  'GET /collections/:c': get(SMALL),
  'PUT /collections/:c/index': [
    {
      what: 'a whole body',
      method: 'PUT',
      path: `${SMALL}/index`,
      body: () => wholeBody('{"field_name":"a","field_schema":{"type":"keyword",', '}}'),
      status: 413,
    },
  ],
  'PUT /collections/:c/points': [
    {
      what: 'most points',
      method: 'PUT',
      path: `${SMALL}/points?wait=true`,
      body: () => smallPoints(String),
      status: 200,
    },
    {
      what: 'most points, as a batch, with long ids',
      method: 'PUT',
      path: `${SMALL}/points?wait=true`,
      body: () =>
        `{"batch":{"ids":[${list(WRITE_POINTS_MAX.value, uuid)}],"vectors":[${list(
          WRITE_POINTS_MAX.value,
          (i) => `[${floats(i, SMALL_DIMENSION)}]`,
        )}],"payloads":[${list(WRITE_POINTS_MAX.value, (i) => `{"name":${2n ** 60n + BigInt(i)}}`)}]}}`,
      status: 200,
    },
    {
      what: 'most bytes of vectors',
      method: 'PUT',
      path: `${WIDE}/points?wait=true`,
      body: () => `{"points":[${list(WIDE_POINTS, (i) => `{"id":${i},"vector":[${floats(i, WIDE_DIMENSION)}]}`)}]}`,
      status: 200,
    },
    {
      what: 'largest payloads',
      method: 'PUT',
      path: `${WIDE}/points?wait=true`,
      body: () => {
        const payload = largestPayload()
        const vector = `[${floats(1, WIDE_DIMENSION)}]`
        const values = payload.split(',').length + 10
        const most = Math.floor(BODY_BYTES_MAX / (payload.length + vector.length + 100))
        const count = Math.min(most, Math.floor(BODY_VALUES_MAX.value / values))
        return `{"points":[${list(count, (i) => `{"id":${i},"vector":${vector},"payload":${payload}}`)}]}`
      },
      status: 200,
    },
  ],
  'POST /collections/:c/points': [
    {
      what: 'most ids',
      method: 'POST',
      path: `${SMALL}/points`,
      body: () => `{"ids":[${list(RETRIEVE_IDS_MAX.value, uuid)}],"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most bytes',
      method: 'POST',
      path: `${WIDE}/points`,
      body: () => `{"ids":[${list(RETRIEVE_IDS_MAX.value, String)}],"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most keys of payloads',
      method: 'POST',
      path: `${WIDE}/points`,
      body: () =>
        `{"ids":[${list(RETRIEVE_IDS_MAX.value, String)}],"with_payload":[${list(LIMITS.PAYLOAD_KEYS_MAX.value, (i) => `"${i.toString(36)}"`)}]}`,
      status: 200,
    },
  ],
  'GET /collections/:c/points/:id': get(`${WIDE}/points/1`),
  'POST /collections/:c/points/scroll': [
    {
      what: 'most points',
      method: 'POST',
      path: `${SMALL}/points/scroll`,
      body: () => `{"limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most bytes',
      method: 'POST',
      path: `${WIDE}/points/scroll`,
      body: () => `{"limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'the largest filter',
      method: 'POST',
      path: `${SMALL}/points/scroll`,
      body: () => `{${largestFilter()}}`,
      status: 200,
    },
    {
      what: 'most points in the order of a key',
      method: 'POST',
      path: `${SMALL}/points/scroll`,
      body: () => `{"order_by":"n","limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
  ],
  'POST /collections/:c/facet': [
    {
      what: 'most values',
      method: 'POST',
      path: `${SMALL}/facet`,
      body: () => `{"key":"name","limit":${ALL}}`,
      status: 200,
    },
    {
      what: 'the largest filter',
      method: 'POST',
      path: `${SMALL}/facet`,
      body: () => `{"key":"n",${largestFilter()}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/query/groups': [
    {
      what: 'most groups',
      method: 'POST',
      path: `${SMALL}/points/query/groups`,
      body: () => query(`"group_by":"name","limit":${ALL},"group_size":${ALL},${everything}`, SMALL_DIMENSION),
      status: 200,
    },
    {
      what: 'few groups among many points that are in none',
      method: 'POST',
      path: `${SMALL}/points/query/groups`,
      body: () => query(`"group_by":"nothing","limit":2,${everything}`, SMALL_DIMENSION),
      status: 200,
    },
  ],
  'POST /collections/:c/points/search/groups': [
    {
      what: 'most points of a group',
      method: 'POST',
      path: `${SMALL}/points/search/groups`,
      body: () => search(`"group_by":"n","limit":1000,"group_size":1000,${everything}`, SMALL_DIMENSION),
      status: 200,
    },
  ],
  'POST /collections/:c/points/recommend/groups': [
    {
      what: 'most groups',
      method: 'POST',
      path: `${SMALL}/points/recommend/groups`,
      body: () => `{"positive":[1,2],"strategy":"best_score","group_by":"name","limit":${ALL}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/recommend': [
    {
      what: 'most examples, and all points',
      method: 'POST',
      path: `${SMALL}/points/recommend?timeout=120`,
      body: () => `{"positive":[${examples()}],"strategy":"sum_scores","limit":${ALL},${everything}}`,
      status: 200,
    },
    {
      what: 'most bytes of examples',
      method: 'POST',
      path: `${WIDE}/points/recommend?timeout=120`,
      body: () => `{"positive":[${list(WIDE_POINTS, String)}],"strategy":"best_score","limit":${ALL},${everything}}`,
      status: 200,
    },
    {
      what: 'too many examples',
      method: 'POST',
      path: `${SMALL}/points/recommend`,
      body: () => `{"positive":[1,${examples()}]}`,
      status: 413,
    },
  ],
  'POST /collections/:c/points/recommend/batch': [
    {
      what: 'most queries',
      method: 'POST',
      path: `${SMALL}/points/recommend/batch?timeout=120`,
      body: () =>
        `{"searches":[${list(SEARCHES_MAX.value, (i) => `{"positive":[${i}],"strategy":"best_score","limit":${BATCH_LIMIT - 1}}`)}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/discover': [
    {
      what: 'most examples',
      method: 'POST',
      path: `${SMALL}/points/discover?timeout=120`,
      body: () =>
        `{"target":0,"context":[${list(EXAMPLES_MAX.value / 2 - 1, (i) => `{"positive":${i},"negative":${i + 1}}`)}],"limit":${ALL}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/discover/batch': [
    {
      what: 'most queries',
      method: 'POST',
      path: `${SMALL}/points/discover/batch?timeout=120`,
      body: () => `{"searches":[${list(SEARCHES_MAX.value, (i) => `{"target":${i}}`)}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/count': [
    { what: '', method: 'POST', path: `${SMALL}/points/count`, body: () => '{"exact":true}', status: 200 },
    {
      what: 'the largest filter',
      method: 'POST',
      path: `${SMALL}/points/count`,
      body: () => `{${largestFilter()}}`,
      status: 200,
    },
    {
      what: 'points of many places, for the next one',
      method: 'PUT',
      path: `${SMALL}/points?wait=true`,
      body: pointsWithPlaces,
      status: 200,
    },
    {
      what: 'the costliest filter',
      method: 'POST',
      path: `${SMALL}/points/count`,
      body: () => `{${costliestFilter()}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/query': [
    {
      what: 'all points, without a query',
      method: 'POST',
      path: `${SMALL}/points/query`,
      body: () => `{"limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most comparisons of mmr',
      method: 'POST',
      path: `${SMALL}/points/query?timeout=120`,
      body: () =>
        `{"query":{"nearest":[${floats(5, SMALL_DIMENSION)}],"mmr":{"candidates_limit":${MMR_CANDIDATES}}},"limit":${ALL},${everything}}`,
      status: 200,
    },
    {
      what: 'all points by chance',
      method: 'POST',
      path: `${SMALL}/points/query`,
      body: () => `{"query":{"sample":"random"},"limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most hits',
      method: 'POST',
      path: `${SMALL}/points/query`,
      body: () => query(`"limit":${ALL},"offset":1,${everything}`, SMALL_DIMENSION),
      status: 200,
    },
    {
      what: 'most bytes',
      method: 'POST',
      path: `${WIDE}/points/query`,
      body: () => query(`"limit":${ALL},${everything}`, WIDE_DIMENSION),
      status: 200,
    },
  ],
  'POST /collections/:c/points/search': [
    {
      what: 'most hits',
      method: 'POST',
      path: `${SMALL}/points/search`,
      body: () => search(`"limit":${ALL},"offset":1,${everything}`, SMALL_DIMENSION),
      status: 200,
    },
  ],
  'POST /collections/:c/points/query/batch': [
    {
      what: 'most queries and hits',
      method: 'POST',
      path: `${SMALL}/points/query/batch`,
      body: () => searches('query', BATCH_LIMIT),
      status: 200,
    },
    {
      what: 'most filters',
      method: 'POST',
      path: `${SMALL}/points/query/batch?timeout=120`,
      body: filteredSearches,
      status: 200,
    },
    {
      // While there are so many rows.
      what: 'more hits than may be',
      method: 'POST',
      path: `${SMALL}/points/query/batch`,
      body: () => searches('query', BATCH_LIMIT + 1),
      status: 413,
    },
  ],
  'POST /collections/:c/points/search/batch': [
    {
      what: 'most queries and hits',
      method: 'POST',
      path: `${SMALL}/points/search/batch`,
      body: () => searches('vector', BATCH_LIMIT),
      status: 200,
    },
    {
      what: 'most bytes of queries',
      method: 'POST',
      path: `${WIDE}/points/search/batch`,
      body: () =>
        `{"searches":[${list(WIDE_POINTS, (i) =>
          search('"limit":1', WIDE_DIMENSION)
            .replace('[', `[${i}.5,`)
            .replace(/,[^,]*\]/, ']'),
        )}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/payload': [
    {
      what: 'most ids',
      method: 'POST',
      path: `${SMALL}/points/payload?wait=true&timeout=120`,
      body: () => `{"points":[${list(WRITE_POINTS_MAX.value, uuid)}],"payload":{"b":{"c":1}},"key":"a"}`,
      status: 200,
    },
    {
      what: 'largest payloads',
      method: 'POST',
      path: `${WIDE}/points/payload?wait=true&timeout=120`,
      body: () => `{"points":[${list(EDITED_LARGE, String)}],"payload":${largestPayload()}}`,
      status: 200,
    },
  ],
  'PUT /collections/:c/points/payload': [
    {
      what: 'largest payloads',
      method: 'PUT',
      path: `${WIDE}/points/payload?wait=true&timeout=120`,
      body: () => `{"points":[${list(EDITED_LARGE, String)}],"payload":${largestPayload()}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/payload/delete': [
    {
      what: 'most paths, of the largest payloads',
      method: 'POST',
      path: `${WIDE}/points/payload/delete?wait=true&timeout=120`,
      body: () =>
        `{"points":[${list(EDITED_LARGE, String)}],"keys":[${list(EDIT_KEYS_MAX.value, (i) => `"${i.toString(36)}"`)}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/payload/clear': [
    {
      what: 'all points',
      method: 'POST',
      path: `${WIDE}/points/payload/clear?wait=true&timeout=120`,
      body: () => '{"filter":{"must":[]}}',
      status: 200,
    },
  ],
  'PUT /collections/:c/points/vectors': [
    {
      what: 'most bytes of vectors',
      method: 'PUT',
      path: `${WIDE}/points/vectors?wait=true`,
      body: () => `{"points":[${list(WIDE_POINTS, (i) => `{"id":${i},"vector":[${floats(i + 1, WIDE_DIMENSION)}]}`)}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/vectors/delete': [
    {
      what: 'most ids',
      method: 'POST',
      path: `${SMALL}/points/vectors/delete`,
      body: () => `{"points":[${list(WRITE_POINTS_MAX.value, uuid)}],"vector":[""]}`,
      status: 400,
    },
  ],
  'POST /collections/:c/points/batch': [
    {
      what: 'most operations',
      method: 'POST',
      path: `${SMALL}/points/batch?wait=true&timeout=120`,
      body: () =>
        `{"operations":[${list(OPERATIONS_MAX.value, (i) => `{"set_payload":{"points":[${uuid(i)}],"payload":{"n":${i}}}}`)}]}`,
      status: 200,
    },
    {
      what: 'most points of one operation',
      method: 'POST',
      path: `${SMALL}/points/batch?wait=true`,
      body: () => `{"operations":[{"upsert":${smallPoints(String)}}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/delete': [
    {
      what: 'most ids',
      method: 'POST',
      path: `${SMALL}/points/delete?wait=true`,
      body: () => `{"points":[${list(WRITE_POINTS_MAX.value, uuid)}]}`,
      status: 200,
    },
    {
      what: 'all points',
      method: 'POST',
      path: `${SMALL}/points/delete?wait=true&timeout=120`,
      body: () => '{"filter":{"must":[]}}',
      status: 200,
    },
  ],
  'GET /v1/collections/:c/topology': get(`/v1${SMALL}/topology`),
  'PUT /v1/collections/:c/centroids': [
    {
      what: 'all centroids',
      method: 'PUT',
      path: '/v1/collections/untrained/centroids',
      body: () => `{"centroids":[${list(CELLS, (i) => `[${floats(i, 65_536)}]`)}]}`,
      status: 200,
    },
  ],
  'GET /v1/collections/:c/centroids': get('/v1/collections/untrained/centroids'),
  'POST /v1/collections/:c/centroids/train': [
    { what: '', method: 'POST', path: '/v1/collections/trainable/centroids/train?timeout=120', status: 200 },
  ],
  'POST /v1/collections/:c/accept-loss': [{ what: '', method: 'POST', path: `/v1${SMALL}/accept-loss`, status: 200 }],
  'DELETE /collections/:c': [{ what: '', method: 'DELETE', path: '/collections/further', status: 200 }],
}

const body = (what: string, text: () => string, status = 400): LargeRequest => ({
  what,
  method: 'PUT',
  path: `${SMALL}/points`,
  body: text,
  status,
})

/** Refused, and as harmless. */
export const TOO_LARGE: LargeRequest[] = [
  body('a list of objects', () => longList('{}'), 413),
  body('a list of lists', () => longList('[]'), 413),
  body('a nested list', () => '['.repeat(BODY_BYTES_MAX)),
  body(
    'an object of many members',
    () => {
      const members: string[] = []
      for (let i = 0, bytes = 2; bytes < BODY_BYTES_MAX - 20; i++)
        bytes += (members[i] = `"${i.toString(36)}":1`).length + 1
      return `{${members.join(',')}}`
    },
    413,
  ),
  body('an integer of many digits', () => `{"points":[{"id":${'9'.repeat(BODY_BYTES_MAX - 40)},"vector":[]}]}`),
  body('long integers', () => longList('18446744073709551615'), 413),
  body('a text of escapes', () => filled('{"points":"', '\\u0041', '"}'), 413),
  body('too many points', () => filled('{"points":[', '{"id":1,"vector":[1]},', '{"id":1,"vector":[1]}]}'), 413),
  { ...body('too many ids', () => filled('{"ids":[', '1,', '1]}'), 413), method: 'POST' },
  { ...body('too many keys', () => filled('{"ids":[1],"with_payload":[', '"a",', '"a"]}'), 413), method: 'POST' },
  {
    ...body(
      'a key of many parts',
      () => `{"ids":[1],"with_payload":["${'a.'.repeat(TEXT_BYTES_MAX.value / 2 - 1)}"]}`,
      413,
    ),
    method: 'POST',
  },
]

/** What the table says of routes that come later. */
export function requestsOf(route: string): LargeRequest[] | undefined {
  const [method = '', path = ''] = route.split(' ')
  if (method === 'ALL') return later('POST', path.replace(':c', 'small'))
  return LARGEST[route]
}
