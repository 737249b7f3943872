/**
 * Settings of a collection: what clients gave in Qdrant's words and answers repeat, by name. None changes the data, so
 * they are in no log: if Redis loses them, no repair brings them back.
 */
import { MaksError } from '../core/errors.ts'
import { beyond, LIMITS } from '../core/limits.ts'
import { keysOf } from '../protocol/keys.ts'
import { type Redis, redisError } from './connection.ts'
import { runScript } from './scripts.ts'
import type { CollectionScope, OwnedScope } from './topology.ts'

/** Of the names of payload indexes: the rest is the field. */
export const INDEX_PREFIX = 'index.'

/** JSON texts by the names of the settings. */
export type Settings = ReadonlyMap<string, string>

/** The schemas of the payload indexes among the settings, as JSON, by their fields. */
export function indexSchemasOf(settings: Settings): [field: string, schema: string][] {
  return [...settings]
    .filter(([setting]) => setting.startsWith(INDEX_PREFIX))
    .map(([setting, schema]) => [setting.slice(INDEX_PREFIX.length), schema])
}

export async function readSettings(redis: Redis, scope: CollectionScope): Promise<Settings> {
  try {
    return new Map(Object.entries(await redis.hgetall(keysOf(scope.namespace, scope.name).settings)))
  } catch (error) {
    throw redisError(error)
  }
}

/**
 * Changes all of these settings, or none; an empty text removes one. Returns the version of the settings, which grows with each
 * change. Throws PAYLOAD_TOO_LARGE if the collection would have too many, NOT_READY if it has no owner yet.
 */
export async function changeSettings(redis: Redis, scope: OwnedScope, change: Settings): Promise<number> {
  const { meta, settings } = keysOf(scope.namespace, scope.name)
  const { SETTINGS_MAX, PAYLOAD_INDEXES_MAX } = LIMITS
  const args = [scope.uid, SETTINGS_MAX.value, INDEX_PREFIX, PAYLOAD_INDEXES_MAX.value, ...[...change].flat()]
  const [code, number] = await runScript(redis, 'change-settings', [meta, settings], args)
  if (code === 'FULL') throw beyond('SETTINGS_MAX', 'settings of the collection', Number(number))
  if (code === 'INDEXES') throw beyond('PAYLOAD_INDEXES_MAX', 'payload indexes of the collection', Number(number))
  if (code !== 'OK') throw new MaksError('NOT_READY', 'the collection is not ready yet')
  return Number(number)
}
