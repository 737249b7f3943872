/** A handle on one collection. The payload's type is the collection's parameter. */
import { Adder } from './adder.ts'
import { type IngestOptions, type IngestReport, ingest } from './ingest.ts'
import {
  type FacetHit,
  type FacetOptions,
  type GroupOptions,
  type MmrQuery,
  type OrderByQuery,
  optionsBody,
  type PointGroup,
  type Query,
  queryBody,
  type SampleQuery,
} from './queries.ts'
import type { CallOptions, Transport } from './transport.ts'
import type {
  FilterOptions,
  Nullable,
  Operation,
  Payload,
  Point,
  PointId,
  PointInput,
  QueryOptions,
  QueryResult,
  ReadOptions,
  ScoredPoint,
  UpsertOptions,
  Vector,
  VectorInput,
  Which,
  WriteOptions,
} from './types.ts'

interface Page<P extends Payload> {
  points: Point<P>[]
  next_page_offset: PointId | null
}

export class Collection<P extends Payload = Payload> {
  readonly name: string
  readonly #transport: Transport
  readonly #adder: Adder

  constructor(name: string, transport: Transport) {
    this.name = name
    this.#transport = transport
    this.#adder = new Adder((points) => this.upsert(points as PointInput<P>[]))
  }

  /**
   * The same collection in a session: its reads see all that the session has written or read before, on any replica and
   * through any router, and never go back. Cheaper than `strong`: as a rule nothing but the replica is asked.
   */
  session(): Collection<P> {
    return new Collection<P>(this.name, this.#transport.session())
  }

  #path(rest: string): string {
    return `/collections/${encodeURIComponent(this.name)}${rest}`
  }

  /** Writes points; a point whose id exists is replaced. Resolves with the version of the write. */
  async upsert(points: readonly PointInput<P>[], options: UpsertOptions<P> = {}): Promise<{ version: number }> {
    const { updateFilter: update_filter, updateMode: update_mode } = options
    return this.#version('PUT', '/points', { points, update_filter, update_mode }, options)
  }

  /**
   * Merges members into the payloads, and leaves the others; null removes one. With `key`, a path as `a.b[].c`, into the objects
   * that it names. Throws a RequestError after all others are changed if an id does not exist; so do all edits.
   */
  setPayload(
    which: Which<P>,
    payload: Nullable<P> | Payload,
    options: WriteOptions & { key?: string } = {},
  ): Promise<{ version: number }> {
    return this.#version('POST', '/points/payload', { ...named(which), payload, key: options.key }, options)
  }

  /** Replaces the whole payloads. */
  overwritePayload(which: Which<P>, payload: P, options: WriteOptions = {}): Promise<{ version: number }> {
    return this.#version('PUT', '/points/payload', { ...named(which), payload }, options)
  }

  /** Removes what the paths name, as `a` or `a.b[].c`, from the payloads. */
  deletePayload(which: Which<P>, keys: readonly string[], options: WriteOptions = {}): Promise<{ version: number }> {
    return this.#version('POST', '/points/payload/delete', { ...named(which), keys }, options)
  }

  /** Removes the whole payloads. */
  clearPayload(which: Which<P>, options: WriteOptions = {}): Promise<{ version: number }> {
    return this.#version('POST', '/points/payload/clear', named(which), options)
  }

  /** Gives points other vectors, and leaves their payloads. With `updateFilter`, only those that match. */
  updateVectors(
    points: readonly VectorInput[],
    options: WriteOptions & Pick<UpsertOptions<P>, 'updateFilter'> = {},
  ): Promise<{ version: number }> {
    return this.#version('PUT', '/points/vectors', { points, update_filter: options.updateFilter }, options)
  }

  /**
   * Carries out operations one after the other, and resolves with the version of each. An error names the operation that failed;
   * those before it are applied. Without an `idempotencyKey` a batch whose outcome is unknown is not sent again.
   */
  async batch(operations: readonly Operation<P>[], options: WriteOptions = {}): Promise<{ version: number }[]> {
    const once = options.idempotencyKey !== undefined
    const { result } = await this.#write<{ operation_id: number }[]>(
      'POST',
      '/points/batch',
      { operations },
      options,
      once,
    )
    return result.map(({ operation_id }) => ({ version: operation_id }))
  }

  /** Writes one vector and resolves with its id: many calls become one request behind the scenes. Without an id, a UUID. */
  add(vector: Vector, options: { id?: PointId; payload?: P } = {}): Promise<PointId> {
    const id = options.id ?? crypto.randomUUID()
    return this.#adder.add({ id, vector, ...(options.payload === undefined ? {} : { payload: options.payload }) })
  }

  /** Deletes the points of these ids, or those that a filter matches: all of them if it is `{ must: [] }`. */
  async delete(which: Which<P>, options: WriteOptions = {}): Promise<void> {
    await this.#write('POST', '/points/delete', named(which), options)
  }

  async #version(method: string, path: string, body: unknown, options: WriteOptions): Promise<{ version: number }> {
    const { result } = await this.#write<{ operation_id: number }>(method, path, body, options)
    return { version: result.operation_id }
  }

  /** @param again may it be sent again although it may have been carried out, as far as its kind goes? */
  #write<R>(method: string, path: string, body: unknown, options: WriteOptions, again = true) {
    const { ifVersion, idempotencyKey } = options
    const headers = {
      ...(ifVersion === undefined ? {} : { 'maksdb-if-version': String(ifVersion) }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    }
    const repeatable = again && (ifVersion === undefined || idempotencyKey !== undefined)
    return this.#transport.call<R>(method, this.#path(`${path}?wait=${options.wait ?? true}`), body, repeatable, {
      ...options,
      headers,
    })
  }

  /** The nearest points to a vector, or to the point with an id; or the points of another kind of query. */
  async query(query: Query<P>, options: QueryOptions<P> = {}): Promise<QueryResult<P>> {
    const body = { query: queryBody(query), ...optionsBody(options) }
    const path = this.#path('/points/query')
    const answer = await this.#transport.call<{ points: WirePoint<P>[] }>('POST', path, body, true, options)
    return { points: answer.result.points.map(fromWire), report: answer.maksdb as QueryResult<P>['report'] }
  }

  /** The points of a query in groups, by the values of a field: the groups with the best points first. */
  async queryGroups(
    query: Exclude<Query<P>, MmrQuery | OrderByQuery<P> | SampleQuery>,
    options: GroupOptions<P>,
  ): Promise<{ groups: PointGroup<P>[]; report: QueryResult<P>['report'] }> {
    const { groupBy, groupSize } = options
    const body = { query: queryBody(query), ...optionsBody(options), group_by: groupBy, group_size: groupSize }
    const path = this.#path('/points/query/groups')
    const answer = await this.#transport.call<{ groups: { id: PointGroup<P>['id']; hits: WirePoint<P>[] }[] }>(
      'POST',
      path,
      body,
      true,
      options,
    )
    const groups = answer.result.groups.map(({ id, hits }) => ({ id, hits: hits.map(fromWire) }))
    return { groups, report: answer.maksdb as QueryResult<P>['report'] }
  }

  /** How many points have each value at a path: the most frequent values first. */
  async facet(key: string, options: FacetOptions & FilterOptions<P> & CallOptions = {}): Promise<FacetHit[]> {
    const body = { key, limit: options.limit, filter: options.filter }
    const path = this.#path(`/facet${level(options)}`)
    return (await this.#transport.call<{ hits: FacetHit[] }>('POST', path, body, true, options)).result.hits
  }

  /** The points that exist among `ids`. */
  async get(ids: readonly PointId[], options: ReadOptions = {}): Promise<Point<P>[]> {
    const body = { ids, with_payload: options.withPayload ?? true, with_vector: options.withVector ?? false }
    const path = this.#path(`/points${level(options)}`)
    return (await this.#transport.call<Point<P>[]>('POST', path, body, true, options)).result.map(withPlainVector)
  }

  async count(options: ReadOptions & FilterOptions<P> = {}): Promise<number> {
    return (
      await this.#transport.call<{ count: number }>(
        'POST',
        this.#path(`/points/count${level(options)}`),
        { exact: true, filter: options.filter },
        true,
        options,
      )
    ).result.count
  }

  /** The points in the order of their ids, fetched page by page. */
  async *scroll(
    options: ReadOptions & FilterOptions<P> & { batch?: number; from?: PointId } = {},
  ): AsyncGenerator<Point<P>> {
    let offset: PointId | null | undefined = options.from
    do {
      const body = {
        offset,
        limit: options.batch ?? 256,
        filter: options.filter,
        with_payload: options.withPayload ?? true,
        with_vector: options.withVector ?? false,
      }
      const page: Page<P> = (
        await this.#transport.call<Page<P>>('POST', this.#path(`/points/scroll${level(options)}`), body, true, options)
      ).result
      yield* page.points.map(withPlainVector)
      offset = page.next_page_offset
    } while (offset !== null)
  }

  /** Writes every point of a source, several batches at a time. */
  ingest(
    source: Iterable<PointInput<P>> | AsyncIterable<PointInput<P>>,
    options: IngestOptions = {},
  ): Promise<IngestReport> {
    return ingest((points: PointInput<P>[]) => this.upsert(points, { wait: false, ...options }), source, options)
  }

  /** What the server knows of the collection: cells, primaries, replicas, sizes. */
  async topology(): Promise<Record<string, unknown>> {
    return (
      await this.#transport.call<Record<string, unknown>>('GET', `/v1${this.#path('/topology')}`, undefined, true)
    ).result
  }
}

type WirePoint<P extends Payload> = Omit<ScoredPoint<P>, 'orderValue'> & { order_value?: number | bigint }

function fromWire<P extends Payload>({ order_value: orderValue, ...point }: WirePoint<P>): ScoredPoint<P> {
  return withPlainVector(orderValue === undefined ? point : { ...point, orderValue })
}

function named<P extends Payload>(which: Which<P>): object {
  return Array.isArray(which) ? { points: which } : which
}

/** A collection may have been created with a name for its vector, by which its points come back. */
function withPlainVector<T extends { vector?: number[] }>(point: T): T {
  const { vector } = point
  if (vector === undefined || Array.isArray(vector)) return point
  return { ...point, vector: Object.values(vector)[0] as number[] }
}

function level(options: ReadOptions): string {
  const query = new URLSearchParams()
  if (options.consistency !== undefined) query.set('maksdb-consistency', options.consistency)
  if (options.maxStalenessMs !== undefined) query.set('maksdb-max-staleness-ms', String(options.maxStalenessMs))
  return query.size === 0 ? '' : `?${query.toString()}`
}
