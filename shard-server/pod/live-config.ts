/**
 * The collection's configuration, from the file that the supervisor or the operator writes. What may change while a pod
 * runs is taken over in place, so that adding a replica restarts nobody; everything else holds until the next start.
 */
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { type CollectionConfig, collectionConfigSchema, LIVE_FIELDS } from '../../protocol/env/config.ts'
import type { Logger } from '../../runtime/logger.ts'
import { watchFile } from '../../runtime/watch-file.ts'

const WATCH_MS = 500

export function readCollectionConfig(path: string): CollectionConfig {
  return collectionConfigSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
}

export function followCollectionConfig(path: string, config: CollectionConfig, logger: Logger): void {
  const onChange = () => {
    const next = readCollectionConfig(path)
    for (const field of LIVE_FIELDS) {
      if (isDeepStrictEqual(next[field], config[field])) continue
      logger.info({ field, was: config[field], is: next[field] }, 'the configuration changed')
      Object.assign(config, { [field]: next[field] })
    }
  }
  const onError = (error: unknown) =>
    logger.warn({ error: String(error) }, 'the configuration cannot be read; what was read last holds')
  watchFile(path, WATCH_MS, { onChange, onError })
}
