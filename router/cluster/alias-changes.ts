/**
 * Changes of aliases. What clients see of a change is one script on one Redis, so that it is made as a whole or not at all;
 * a change for which two servers would have to agree is refused. One change of this router is made at a time, and a change
 * of another router in between is noticed by the revisions of the tables.
 */
import {
  type AliasAction,
  type Aliases,
  afterActions,
  aliasChanges,
  aliasesOf,
  changedTable,
  type TableChange,
} from '../../core/aliases.ts'
import { asMaksError, MaksError } from '../../core/errors.ts'
import { checkLimit, checkQueue } from '../../core/limits.ts'
import type { Logger } from '../../runtime/logger.ts'
import { changeAliases } from '../../store/aliases.ts'
import { wasNotExecuted } from '../../store/redis-link.ts'
import type { Collection } from './collection.ts'
import type { Collections } from './collections.ts'

/** Tries of a change that other routers overtake. */
const TRIES = 5

export class AliasChanges {
  readonly #collections: Collections
  readonly #logger: Logger
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(collections: Collections, logger: Logger) {
    this.#collections = collections
    this.#logger = logger
  }

  /**
   * All actions, or none. Throws what `afterActions` throws; UNSUPPORTED if the change needs two servers to agree; OVERLOADED;
   * REDIS_UNAVAILABLE if nothing was changed, and UNKNOWN_OUTCOME if that is not known.
   */
  change(actions: readonly AliasAction[]): Promise<void> {
    const given = actions.flatMap((action) =>
      action.type === 'create' ? [action.alias] : action.type === 'rename' ? [action.to] : [],
    )
    return this.#inTurn(() => this.#collections.claims.during([...new Set(given)], () => this.#change(actions)))
  }

  /**
   * Removes what other collections still keep of the aliases of one that is about to be deleted: with it, they would come
   * back. Throws REDIS_UNAVAILABLE.
   */
  forget(collection: string): Promise<void> {
    return this.#inTurn(async () => {
      // Its own Redis, or that of a third collection, may be away for good: then what was read last counts.
      await Promise.allSettled(this.#reads())
      const tables = this.#collections.aliasTables
      const own = tables.get(collection)?.names ?? new Map<string, number>()
      const stale = [...tables].flatMap(([other, { names }]): TableChange[] => {
        const remove = [...names.keys()].filter((alias) => own.has(alias))
        return other === collection || remove.length === 0 ? [] : [{ collection: other, set: [], remove }]
      })
      for (const changes of this.#byServer(stale)) await this.#write(changes)
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    checkQueue('QUEUE_ALIASES_MAX', this.#waiting + 1)
    this.#waiting++
    const done = this.#last.then(work).finally(() => {
      this.#waiting--
    })
    this.#last = done.catch(() => undefined)
    return done
  }

  async #change(actions: readonly AliasAction[]): Promise<void> {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      await Promise.all(this.#reads())
      const tables = this.#collections.aliasTables
      const isCollection = (name: string) => this.#collections.named(name) !== undefined
      const after = afterActions(aliasesOf(tables), actions, isCollection)
      checkCounts(after)
      const { visible, before, later } = aliasChanges(tables, after)
      const [one = [], another] = this.#byServer(visible)
      if (another)
        throw new MaksError(
          'UNSUPPORTED',
          `the change cannot be made at once: its aliases are of collections on different Redis servers (${collectionsOf(one)}; ${collectionsOf(another)}); send it as several requests`,
        )
      const steps = [...this.#byServer(before), one]
      if (!(await this.#allOf(steps))) continue
      for (const changes of this.#byServer(later)) await this.#tidy(changes)
      return
    }
    throw new MaksError('NOT_READY', 'other routers are changing aliases at the same time')
  }

  /** All tables. One whose collection is being created has no alias yet, and may have no Redis. */
  #reads(): Promise<void>[] {
    const { claims } = this.#collections
    const made = this.#collections.all().filter(({ config, refused }) => !refused && !claims.has(config.collection))
    return made.map((collection) => collection.readAliases())
  }

  async #allOf(steps: readonly TableChange[][]): Promise<boolean> {
    for (const step of steps) if (!(await this.#write(step))) return false
    return true
  }

  /** These records no longer count; the next change removes them if this one cannot. */
  async #tidy(changes: TableChange[]): Promise<void> {
    await this.#write(changes).catch((error: unknown) =>
      this.#logger.warn({ error: String(error) }, 'records of moved aliases stay until the next change of aliases'),
    )
  }

  /** One script on one Redis. Returns false if another router has changed one of the tables. */
  async #write(changes: readonly TableChange[]): Promise<boolean> {
    const [first] = changes
    if (first === undefined) return true
    const tables = this.#collections.aliasTables
    const revision = 1 + Math.max(...[...tables.values()].map((table) => table.revision))
    const expected = changes.map((change) => {
      const { scope, aliases } = this.#named(change.collection)
      return { ...change, scope, expected: aliases.revision }
    })
    try {
      if (!(await this.#named(first.collection).link.use((redis) => changeAliases(redis, expected, revision))))
        return false
    } catch (thrown) {
      const error = asMaksError(thrown)
      if (error.code !== 'REDIS_UNAVAILABLE' || wasNotExecuted(error)) throw error
      throw new MaksError('UNKNOWN_OUTCOME', 'Redis was lost while the change of aliases was on its way', {
        cause: error,
      })
    }
    // In one turn, so that no request sees a part of it.
    for (const change of changes) {
      const collection = this.#named(change.collection)
      collection.changedAliases(changedTable(collection.aliases, change, revision))
    }
    return true
  }

  #byServer(changes: readonly TableChange[]): TableChange[][] {
    const servers = Map.groupBy(changes, ({ collection }) => this.#named(collection).config.redisUrl)
    return [...servers.values()]
  }

  /** Throws NOT_FOUND: it may have been deleted meanwhile. */
  #named(name: string): Collection {
    const collection = this.#collections.named(name)
    if (!collection) throw new MaksError('NOT_FOUND', `Not found: Collection \`${name}\` doesn't exist!`)
    return collection
  }
}

function collectionsOf(changes: readonly TableChange[]): string {
  return changes.map(({ collection }) => collection).join(', ')
}

function checkCounts(aliases: Aliases): void {
  for (const [collection, own] of Map.groupBy(aliases, ([, of]) => of))
    checkLimit('ALIASES_MAX', `aliases of ${collection}`, own.length)
}
