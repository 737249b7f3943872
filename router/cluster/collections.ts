/** The collections that this router serves, from the file that the supervisor or the operator writes. */
import { readFileSync } from 'node:fs'
import { MaksError } from '../../core/errors.ts'
import { type CollectionConfig, routerFileSchema } from '../../protocol/env/config.ts'
import type { Logger } from '../../runtime/logger.ts'
import { watchFile } from '../../runtime/watch-file.ts'
import { Collection } from './collection.ts'

const WATCH_MS = 100

export class Collections {
  readonly #logger: Logger
  readonly #collections = new Map<string, Collection>()
  /** Reads the list again if it has changed; also called by each request that has just changed it. */
  readonly reload: () => void

  constructor(path: string, logger: Logger) {
    this.#logger = logger
    this.reload = watchFile(path, WATCH_MS, {
      onChange: () => this.#update(routerFileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).collections),
      onError: (error) =>
        logger.warn({ error: String(error) }, 'the list of collections cannot be read; the old one stays'),
    })
    this.reload()
  }

  #update(configs: readonly CollectionConfig[]): void {
    const wanted = new Map(configs.map((config) => [config.collection, config]))
    for (const [name, collection] of this.#collections) {
      if (JSON.stringify(wanted.get(name)) === JSON.stringify(collection.config)) continue
      collection.close()
      this.#collections.delete(name)
    }
    for (const [name, config] of wanted) {
      if (!this.#collections.has(name)) this.#collections.set(name, new Collection(config, this.#logger))
    }
  }

  get names(): string[] {
    return [...this.#collections.keys()].sort()
  }

  find(name: string): Collection | undefined {
    return this.#collections.get(name)
  }

  /** Throws NOT_FOUND; DATA_OF_ANOTHER_SHAPE or DATA_OF_ANOTHER_OWNER if the data in Redis is not this collection's. */
  get(name: string): Collection {
    const collection = this.#collections.get(name)
    if (!collection) throw new MaksError('NOT_FOUND', `Not found: Collection \`${name}\` doesn't exist!`)
    if (collection.refused) throw collection.refused
    return collection
  }

  close(): void {
    for (const collection of this.#collections.values()) collection.close()
  }
}
