/**
 * Fields of collections that clients read back: index tuning and metadata, which have no effect here, and payload indexes. Each
 * becomes a setting by its own name, so that a later request changes what it names and leaves the rest.
 */
import { badRequest } from '../../core/errors.ts'
import { INDEX_TYPES, parseIndexSchema } from '../../core/filter/index-schema.ts'
import { exactParse, exactStringify } from '../../core/json/exact-json.ts'
import { parseJsonPath } from '../../core/json/json-path.ts'
import { checkStorable } from '../../core/json/request-json.ts'
import { checkLimit, LIMITS } from '../../core/limits.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { INDEX_PREFIX, type Settings } from '../../store/settings.ts'
import { asObject, Fields, type JsonObject, NAME_SHOWN } from '../requests/json-fields.ts'
import { byName } from '../requests/point-requests.ts'

/** What a request says of settings: JSON texts by name, '' for one that it removes. */
export class SettingsChange {
  readonly settings = new Map<string, string>()

  /** A field of one value. */
  set(name: string, value: unknown): void {
    if (value === undefined) return
    const shown = name.slice(0, NAME_SHOWN)
    // First of all: a look at every part of what is far too large would hold up the event loop.
    checkLimit('SETTING_BYTES_MAX', shown, name.length + leastBytes(value, LIMITS.SETTING_BYTES_MAX.value))
    checkStorable(value, shown)
    const text = exactStringify(value)
    checkLimit('SETTING_BYTES_MAX', shown, Buffer.byteLength(name) + Buffer.byteLength(text))
    this.settings.set(name, text)
    checkLimit('SETTINGS_MAX', 'settings of the request', this.settings.size)
  }

  /** An object whose members are settings of their own; a member of null is absent. */
  section(name: string, value: unknown): void {
    if (value === undefined) return
    for (const [member, part] of Object.entries(asObject(value, name))) {
      if (part === null) continue
      checkStorable({ [member]: null }, name)
      this.set(`${name}.${member}`, part)
    }
  }

  remove(name: string): void {
    this.settings.set(name, '')
  }
}

/** Bytes that a value takes as JSON at least; it counts no further than beyond `most`. */
function leastBytes(root: unknown, most: number): number {
  const open: unknown[] = [root]
  let bytes = 0
  while (open.length > 0 && bytes <= most) {
    const value = open.pop()
    bytes += typeof value === 'string' ? value.length : 1
    if (typeof value !== 'object' || value === null) continue
    for (const part of Object.values(value)) open.push(part)
  }
  return bytes
}

/** Reads the fields that `PUT` and `PATCH` of a collection share. */
export function takeSettings(fields: Fields, change: SettingsChange): void {
  for (const name of ['hnsw_config', 'optimizers_config', 'wal_config', 'metadata'])
    change.section(name, fields.take(name))
  takeQuantization(fields, '', change)
}

/** The tuning of the one vector, as of `vectors` or of its diff. */
export function takeVectorSettings(fields: Fields, change: SettingsChange): void {
  change.section('vector.hnsw_config', fields.take('hnsw_config'))
  takeQuantization(fields, 'vector.', change)
  change.set('vector.on_disk', fields.boolean('on_disk'))
}

function takeQuantization(fields: Fields, prefix: string, change: SettingsChange): void {
  const name = 'quantization_config'
  const given = fields.take(name)
  if (given === 'Disabled') change.remove(prefix + name)
  else if (given !== undefined) change.set(prefix + name, asObject(given, name))
}

/** The body of PATCH /collections/:c. Throws BAD_REQUEST or UNSUPPORTED. */
export function parsePatch(body: unknown, config: Pick<CollectionConfig, 'vectorName'>): Settings {
  const fields = new Fields(body, 'the body')
  const change = new SettingsChange()
  takeSettings(fields, change)
  const params = new Fields(fields.take('params') ?? {}, 'params')
  change.set('on_disk_payload', params.boolean('on_disk_payload'))
  params.ignore('replication_factor', 'write_consistency_factor', 'read_fan_out_factor', 'read_fan_out_delay_ms')
  params.end()
  const vector = new Fields(byName(fields.take('vectors') ?? {}, config, 'vectors') ?? {}, 'vectors')
  takeVectorSettings(vector, change)
  vector.end()
  fields.refuse('', 'sparse_vectors', 'strict_mode_config')
  fields.ignore('timeout')
  fields.end()
  return change.settings
}

/** The body of PUT /collections/:c/index: a payload index. */
export function parseIndex(body: unknown): Settings {
  const fields = new Fields(body, 'the body')
  const name = indexOf(fields.take('field_name'))
  const schema = fields.take('field_schema') ?? fields.take('field_type')
  fields.ignore('field_type')
  fields.end()
  if (schema === undefined) throw badRequest(`"field_schema" is missing; use one of ${INDEX_TYPES.join(', ')}`)
  const change = new SettingsChange()
  change.set(name, schema)
  parseIndexSchema(schema, 'field_schema')
  return change.settings
}

/** DELETE /collections/:c/index/:field. */
export function removalOfIndex(field: string): Settings {
  return new Map([[indexOf(field), '']])
}

function indexOf(field: unknown): string {
  parseJsonPath(field, 'field_name')
  return `${INDEX_PREFIX}${String(field)}`
}

/** The settings whose names begin with the section's, as an object. */
export function shownSection(settings: Settings, section: string): JsonObject {
  const prefix = `${section}.`
  return Object.fromEntries(
    [...settings]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, text]) => [name.slice(prefix.length), exactParse(text)]),
  )
}

/** The value of one setting; undefined if nobody gave it. */
export function shownSetting(settings: Settings, name: string): unknown {
  const text = settings.get(name)
  return text === undefined ? undefined : exactParse(text)
}

/**
 * `payload_schema`: each index with the options that it was made with.
 * @param points how many points the index of a field has
 */
export function shownIndexes(settings: Settings, points: (field: string) => number): JsonObject {
  const shown = (field: string, schema: unknown) =>
    typeof schema === 'string'
      ? { data_type: schema, points: points(field) }
      : { data_type: (schema as JsonObject).type, params: schema, points: points(field) }
  return Object.fromEntries(
    Object.entries(shownSection(settings, 'index')).map(([field, schema]) => [field, shown(field, schema)]),
  )
}
