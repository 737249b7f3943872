/**
 * The collection's configuration, from the file that the supervisor or the operator writes. What may change while a pod
 * runs is taken over in place, so that adding a replica restarts nobody; everything else holds until the next start.
 */
import { readFileSync, statSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { type CollectionConfig, collectionConfigSchema, LIVE_FIELDS } from '../protocol/config.ts'
import type { Logger } from '../runtime/logger.ts'

const WATCH_MS = 500

export function readCollectionConfig(path: string): CollectionConfig {
  return collectionConfigSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
}

export function followCollectionConfig(path: string, config: CollectionConfig, logger: Logger): void {
  let stamp = ''
  setInterval(() => {
    try {
      const { mtimeMs, size, ino } = statSync(path)
      if (`${mtimeMs}/${size}/${ino}` === stamp) return
      stamp = `${mtimeMs}/${size}/${ino}`
      const next = readCollectionConfig(path)
      for (const field of LIVE_FIELDS) {
        if (isDeepStrictEqual(next[field], config[field])) continue
        logger.info({ field, was: config[field], is: next[field] }, 'the configuration changed')
        Object.assign(config, { [field]: next[field] })
      }
    } catch (error) {
      logger.warn({ error: String(error) }, 'the configuration cannot be read; what was read last holds')
    }
  }, WATCH_MS).unref()
}
