/**
 * The client of MaksDB: `fetch` only, no dependencies.
 *
 *     const db = new MaksDB({ url: 'http://127.0.0.1:6333' })
 *     const films = db.collection<{ title: string }>('films')
 *     await films.upsert([{ id: 1, vector: [0.1, 0.2], payload: { title: 'Solaris' } }])
 *     const { points } = await films.query([0.1, 0.2], { limit: 3 })
 */
import { Collection } from './collection.ts'
import { checkApiKey, parseServerUrl } from './server-url.ts'
import { Transport } from './transport.ts'
import type { AliasAction, Payload } from './types.ts'

export interface MaksDBOptions {
  /**
   * `http(s)://host:port/path`; a path, as of a proxy, goes before those of the API, a user and a password go to the proxy as
   * basic authentication. A host without a scheme is asked by HTTP, without a port on 6333.
   * @defaultValue $MAKSDB_URL, else http://127.0.0.1:6333
   */
  url?: string
  /** @defaultValue $MAKSDB_API_KEY */
  apiKey?: string
  /** For all tries of a call. @defaultValue 30000 */
  timeoutMs?: number
  /** For all tries of a call, until the server has answered for the first time. @defaultValue timeoutMs */
  connectTimeoutMs?: number
}

export interface CreateOptions {
  dimension: number
  /** @defaultValue Euclid */
  distance?: 'Euclid' | 'Cosine' | 'Dot'
  /** Further fields of the VectorCluster: clusters, replicas, centroids, durability, redundantStorage. */
  [field: string]: unknown
}

export interface AcceptedLoss {
  /** False where nothing was lost. */
  accepted: boolean
  /** Why the log was closed and what is given up; null where nothing was lost. */
  lost: string | null
  /** The pods have repaired the log, and the collection takes writes again. */
  open: boolean
}

export class MaksDB {
  readonly #transport: Transport

  constructor(options: MaksDBOptions = {}) {
    const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {}
    // An empty variable is one that is not set.
    const apiKey = options.apiKey ?? (env.MAKSDB_API_KEY || undefined)
    const timeoutMs = options.timeoutMs ?? 30_000
    this.#transport = new Transport({
      server: parseServerUrl(options.url ?? (env.MAKSDB_URL || 'http://127.0.0.1:6333')),
      apiKey: apiKey === undefined ? undefined : checkApiKey(apiKey),
      timeoutMs,
      connectTimeoutMs: options.connectTimeoutMs ?? timeoutMs,
    })
  }

  collection<P extends Payload = Payload>(name: string): Collection<P> {
    return new Collection<P>(name, this.#transport)
  }

  async collections(): Promise<string[]> {
    const { result } = await this.#transport.call<{ collections: { name: string }[] }>(
      'GET',
      '/collections',
      undefined,
      true,
    )
    return result.collections.map(({ name }) => name)
  }

  /** Local mode only; on Kubernetes a collection is a VectorCluster manifest. */
  async createCollection<P extends Payload = Payload>(name: string, options: CreateOptions): Promise<Collection<P>> {
    const { dimension, distance = 'Euclid', ...maksdb } = options
    await this.#transport.call(
      'PUT',
      `/collections/${encodeURIComponent(name)}`,
      { vectors: { size: dimension, distance }, maksdb },
      false,
    )
    return this.collection<P>(name)
  }

  async deleteCollection(name: string): Promise<boolean> {
    return (await this.#transport.call<boolean>('DELETE', `/collections/${encodeURIComponent(name)}`, undefined, true))
      .result
  }

  /** From each alias to its collection. A handle of `collection(alias)` works on the collection that the alias has at each call. */
  async aliases(): Promise<Record<string, string>> {
    const { result } = await this.#transport.call<{ aliases: { alias_name: string; collection_name: string }[] }>(
      'GET',
      '/aliases',
      undefined,
      true,
    )
    return Object.fromEntries(result.aliases.map((one) => [one.alias_name, one.collection_name]))
  }

  /** Does all actions, one after the other, at one moment for every reader; or none. */
  async changeAliases(actions: readonly AliasAction[]): Promise<void> {
    await this.#transport.call('POST', '/collections/aliases', { actions: actions.map(aliasAction) }, false)
  }

  /** Gives up what Redis lost and no pod holds; the pods repair the log from what they do hold. */
  async acceptLoss(name: string): Promise<AcceptedLoss> {
    return (
      await this.#transport.call<AcceptedLoss>(
        'POST',
        `/v1/collections/${encodeURIComponent(name)}/accept-loss`,
        undefined,
        false,
      )
    ).result
  }
}

function aliasAction(action: AliasAction): object {
  if ('create' in action) return { create_alias: { alias_name: action.create, collection_name: action.collection } }
  if ('delete' in action) return { delete_alias: { alias_name: action.delete } }
  return { rename_alias: { old_alias_name: action.rename, new_alias_name: action.to } }
}

export * from './collection.ts'
export * from './errors.ts'
export type { Condition, FieldCondition, Filter, GeoPoint, GeoRing, Match, Range } from './filter.ts'
export type { IngestOptions, IngestProgress, IngestReport } from './ingest.ts'
export type {
  ContextPair,
  ContextQuery,
  DiscoverQuery,
  Example,
  FacetHit,
  FacetOptions,
  GroupOptions,
  MmrQuery,
  OrderBy,
  OrderByQuery,
  PointGroup,
  Query,
  RecommendQuery,
  SampleQuery,
} from './queries.ts'
export * from './types.ts'
