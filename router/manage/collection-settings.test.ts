import { expect, describe as group, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Settings } from '../../store/settings.ts'
import type { Collection } from '../cluster/collection.ts'
import { describe } from './collection-description.ts'
import { parseIndex, parsePatch, removalOfIndex } from './collection-settings.ts'

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })
const config = {
  vectors: { '': { size: 3, metric: 'Cosine' } },
  clusters: 2,
  replicas: 1,
  walBudgetBytes: 5e6,
} as CollectionConfig

const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown
const many = () => Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [String(i), 1]))

/** What is said of a collection to which these changes were made, one after the other. */
async function described(changes: readonly Settings[], part: Partial<CollectionConfig> = {}) {
  const settings = new Map<string, string>()
  for (const [name, text] of changes.flatMap((change) => [...change]))
    if (text === '') settings.delete(name)
    else settings.set(name, text)
  const collection = { config: { ...config, ...part }, topology: undefined, refresh: async () => undefined }
  return describe({ ...collection, settings: async () => settings } as unknown as Collection, undefined) as Promise<{
    config: Record<string, unknown> & { params: Record<string, unknown> }
    payload_schema: unknown
  }>
}

group('a patch of a collection', () => {
  it('of nothing changes nothing', () => {
    const nothing = { vectors: {}, params: null, hnsw_config: {}, metadata: null, sparse_vectors: {}, timeout: 3 }
    for (const body of [{}, nothing]) expect(parsePatch(body, config).size).toBe(0)
  })

  it('is echoed, and a later one changes what it names and leaves the rest', async () => {
    const first = {
      hnsw_config: { m: 32, ef_construct: 200 },
      optimizers_config: { indexing_threshold: 10_000 },
      quantization_config: { scalar: { type: 'int8', always_ram: true } },
      metadata: { owner: 'me', version: 9007199254740993n, nested: { a: [1, null] } },
      params: { on_disk_payload: true, replication_factor: 3 },
    }
    const second = { hnsw_config: { m: 64, on_disk: null }, metadata: { owner: 'you' } }
    const changes = [first, second].map((body) => parsePatch(body, config))
    const { config: shown } = await described(changes)
    expect(shown).toMatchObject({
      hnsw_config: { m: 64, ef_construct: 200, full_scan_threshold: 10_000 },
      optimizer_config: { indexing_threshold: 10_000, deleted_threshold: 0.5 },
      quantization_config: { scalar: { type: 'int8', always_ram: true } },
      metadata: { owner: 'you', version: 9007199254740993n, nested: { a: [1, null] } },
      params: { on_disk_payload: true, replication_factor: 1 },
    })
  })

  it('may turn quantization off again', async () => {
    const changes = [{ quantization_config: { binary: {} } }, { quantization_config: 'Disabled' }]
    expect((await described(changes.map((body) => parsePatch(body, config)))).config.quantization_config).toBeNull()
  })

  it.each<[string | undefined, string]>([
    [undefined, ''],
    ['text', 'text'],
    ['text', ''],
  ])('of the vector %j takes its tuning by the name %j', async (vectorName, name) => {
    const tuning = { hnsw_config: { m: 8 }, quantization_config: { binary: { always_ram: true } }, on_disk: true }
    const named = vectorName === undefined ? {} : { vectorName }
    const change = parsePatch({ vectors: { [name]: tuning } }, named)
    const { config: shown } = await described([change], named)
    const vector = { size: 3, distance: 'Cosine', ...tuning }
    expect(shown.params.vectors).toEqual(vectorName === undefined ? vector : { [vectorName]: vector })
  })

  it.each<[string, unknown, string, RegExp]>([
    ['no body', undefined, 'BAD_REQUEST', /^the body must be a JSON object$/],
    ['an unknown field', { more: 1 }, 'UNSUPPORTED', /^the body: "more" is not supported$/],
    ['tuning that is no object', { hnsw_config: 7 }, 'BAD_REQUEST', /^hnsw_config must be a JSON object$/],
    ['quantization that is no object', { quantization_config: 'On' }, 'BAD_REQUEST', /^quantization_config must be/],
    ['an unknown parameter', { params: { shards: 3 } }, 'UNSUPPORTED', /^params: "shards" is not supported$/],
    ['another vector', { vectors: { image: {} } }, 'UNSUPPORTED', /^vectors: "image" is not supported$/],
    ['sparse vectors', { sparse_vectors: { text: {} } }, 'UNSUPPORTED', /"sparse_vectors" is not supported$/],
    ['strict mode', { strict_mode_config: { enabled: true } }, 'UNSUPPORTED', /"strict_mode_config" is not/],
    ['half of a surrogate pair', { metadata: { a: '\ud800' } }, 'BAD_REQUEST', /^metadata\.a holds half/],
    ['half of one in a name', { metadata: { '\ud800': 1 } }, 'BAD_REQUEST', /^metadata has a name with half/],
    [
      'one nested without end',
      { metadata: { a: nested(5000) } },
      'BAD_REQUEST',
      /^metadata\.a.* is nested deeper than/,
    ],
    ['one of very many parts', { metadata: { a: Object.values(many()) } }, 'PAYLOAD_TOO_LARGE', /^metadata\.a: /],
    ['too many settings', { wal_config: many() }, 'PAYLOAD_TOO_LARGE', /^settings of the request: .*\(SETTINGS_MAX\)$/],
    [
      'a setting that is too large',
      { metadata: { a: 'x'.repeat(LIMITS.SETTING_BYTES_MAX.value) } },
      'PAYLOAD_TOO_LARGE',
      /^metadata\.a: .* \(SETTING_BYTES_MAX\)$/,
    ],
  ])('with %s is refused by name', (_what, body, code, message) => {
    expect(() => parsePatch(body, config)).toThrowError(error(code, message))
  })
})

group('a payload index', () => {
  it('is shown with the options that it was made with, until it is removed', async () => {
    const tenant = { type: 'keyword', is_tenant: true, on_disk: false }
    const made = [
      parseIndex({ field_name: 'group_id', field_schema: tenant }),
      parseIndex({ field_name: 'cast[].name', field_schema: 'text' }),
      parseIndex({ field_name: 'year', field_type: 'integer' }),
    ]
    const shown = {
      group_id: { data_type: 'keyword', params: tenant, points: 0 },
      'cast[].name': { data_type: 'text', points: 0 },
    }
    expect((await described(made)).payload_schema).toEqual({ ...shown, year: { data_type: 'integer', points: 0 } })
    expect((await described([...made, removalOfIndex('year')])).payload_schema).toEqual(shown)
  })

  it.each<[string, unknown, string, RegExp]>([
    ['no field', { field_schema: 'keyword' }, 'BAD_REQUEST', /^field_name/],
    ['a field that is no path', { field_name: 'a..b', field_schema: 'keyword' }, 'BAD_REQUEST', /^field_name/],
    ['no type', { field_name: 'a' }, 'BAD_REQUEST', /^"field_schema" is missing; use one of keyword, /],
    ['an unknown type', { field_name: 'a', field_schema: 'json' }, 'BAD_REQUEST', /^the type of field_schema must be/],
    ['options without a type', { field_name: 'a', field_schema: { is_tenant: true } }, 'BAD_REQUEST', /^the type of/],
    ['an unknown field', { field_name: 'a', field_schema: 'text', unique: 1 }, 'UNSUPPORTED', /"unique" is not/],
  ])('with %s is refused by name', (_what, body, code, message) => {
    expect(() => parseIndex(body)).toThrowError(error(code, message))
  })

  it('of a field that is no path cannot be removed', () => {
    expect(() => removalOfIndex('a..b')).toThrowError(error('BAD_REQUEST', /^field_name/))
  })
})

it('a collection of which nothing was said has the defaults that clients expect', async () => {
  const { config: shown, payload_schema } = await described([])
  expect(shown).toMatchObject({
    params: { vectors: { size: 3, distance: 'Cosine' }, shard_number: 2, replication_factor: 1 },
    hnsw_config: { m: 16, ef_construct: 100 },
    quantization_config: null,
  })
  expect([payload_schema, Object.hasOwn(shown, 'metadata')]).toEqual([{}, false])
})
