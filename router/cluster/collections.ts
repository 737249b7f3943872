/** The collections that this router serves, from the file that the supervisor or the operator writes, with their aliases. */
import { readFileSync } from 'node:fs'
import { type AliasTables, aliasesOf } from '../../core/aliases.ts'
import { MaksError } from '../../core/errors.ts'
import { type CollectionConfig, routerFileSchema } from '../../protocol/env/config.ts'
import type { Logger } from '../../runtime/logger.ts'
import { watchFile } from '../../runtime/watch-file.ts'
import { Collection } from './collection.ts'
import { NameClaims } from './name-claims.ts'

const WATCH_MS = 100

export class Collections {
  /** Names that requests are about to give to a collection or as an alias. */
  readonly claims = new NameClaims()
  readonly #logger: Logger
  readonly #collections = new Map<string, Collection>()
  /** The reading of all aliases that is under way, and the one after it. */
  #reading: Promise<unknown> | undefined
  #next: Promise<unknown> | undefined
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

  all(): Collection[] {
    return [...this.#collections.values()]
  }

  /** The collection of this very name, not of an alias. */
  named(name: string): Collection | undefined {
    return this.#collections.get(name)
  }

  /** The collection of a name or of an alias; if a manifest has given a collection the name of an alias, the collection. */
  find(name: string): Collection | undefined {
    return this.#collections.get(name) ?? this.#ofAlias(name)
  }

  #ofAlias(alias: string): Collection | undefined {
    let found: Collection | undefined
    let newest = Number.NEGATIVE_INFINITY
    for (const collection of this.#collections.values()) {
      const revision = collection.aliases.names.get(alias) ?? Number.NEGATIVE_INFINITY
      if (revision > newest) [found, newest] = [collection, revision]
    }
    return found
  }

  /** The same after the aliases were read again if the name is not known: another router may have given it. */
  async lookUp(name: string): Promise<Collection | undefined> {
    const known = this.find(name)
    if (known) return known
    await this.#readAliases()
    return this.find(name)
  }

  /** Reads all aliases at a time after this call; calls at the same time share a reading. What cannot be read stays. */
  #readAliases(): Promise<unknown> {
    if (this.#reading === undefined) return this.#beginReading()
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined
      return this.#beginReading()
    })
    return this.#next
  }

  #beginReading(): Promise<unknown> {
    const reads = this.all().map((collection) => collection.readAliases())
    this.#reading = Promise.allSettled(reads).finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  /**
   * As `find`, or throws NOT_FOUND; NOT_READY if it may be an alias that has not been read yet; DATA_OF_ANOTHER_SHAPE or
   * DATA_OF_ANOTHER_OWNER if the data in Redis is not this collection's.
   */
  get(name: string): Collection {
    const collection = this.find(name)
    if (!collection) throw this.#unknown(name)
    if (collection.refused) throw collection.refused
    return collection
  }

  #unknown(name: string): MaksError {
    const unread = this.all().find(
      ({ topology, refused, config }) => !topology && !refused && !this.claims.has(config.collection),
    )
    if (unread)
      return new MaksError(
        'NOT_READY',
        `the aliases of collection ${unread.config.collection} are not known yet, and ${name} may be one`,
      )
    return new MaksError('NOT_FOUND', `Not found: Collection \`${name}\` doesn't exist!`)
  }

  /** The tables of aliases by collection, as they were read last. */
  get aliasTables(): AliasTables {
    return new Map(this.all().map(({ config, aliases }) => [config.collection, aliases]))
  }

  /** From each alias to its collection, in the order of the aliases. */
  get aliases(): ReadonlyMap<string, string> {
    return aliasesOf(this.aliasTables)
  }

  close(): void {
    for (const collection of this.#collections.values()) collection.close()
  }
}
