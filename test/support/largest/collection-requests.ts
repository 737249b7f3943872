/** The largest requests on collections, their settings and aliases. */
import {
  CELLS,
  floats,
  get,
  type LargeRequest,
  largestAliases,
  largestSettings,
  list,
  SMALL,
  wholeBody,
} from './bodies.ts'

export const FIRST_REQUESTS: Record<string, LargeRequest[]> = {
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
}

export const LAST_REQUESTS: Record<string, LargeRequest[]> = {
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
