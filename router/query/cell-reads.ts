/** What all reads have in common: the state that they see, the cells that they ask, and what their reports promise. */
import { asMaksError } from '../../core/errors.ts'
import type { FilterText } from '../../core/filter/filter.ts'
import type { IdKey } from '../../core/ids.ts'
import { type Call, checkWaiting } from '../../runtime/call.ts'
import type { Collection } from '../cluster/collection.ts'
import { tokenText } from '../cluster/session-token.ts'
import type { ShardClient } from '../cluster/shard-client.ts'
import { type CellAnswer, type CellRequest, readCell } from './cell-read.ts'
import { type ReadRequest, type ReadSource, sourceFor } from './consistency.ts'
import type { ReadReport } from './read-report.ts'

/** Cleaning may overtake a cut; then the read takes a new one. */
const CUT_ATTEMPTS = 4

export class CellReads {
  readonly #shards: ShardClient

  constructor(shards: ShardClient) {
    this.#shards = shards
  }

  /** The answer of every cell. */
  all<A>(collection: Collection, source: ReadSource, request: CellRequest, call: Call): Promise<CellAnswer<A>[]> {
    return Promise.all(
      cellsOf(collection).map((cell) => readCell<A>(this.#shards, collection, cell, source, request, call)),
    )
  }

  /**
   * Runs a read at its consistency; if a pod can no longer serve the cut, the read takes a new one.
   * @param reach see `sourceFor`
   */
  async read<T>(
    collection: Collection,
    read: ReadRequest,
    reach: { spread: boolean; keys?: readonly IdKey[] },
    call: Call,
    run: (source: ReadSource) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      checkWaiting(call)
      const source = await sourceFor(collection, read, { ...reach, again: attempt > 1 })
      try {
        return await run(source)
      } catch (error) {
        if (asMaksError(error).code !== 'STALE' || attempt === CUT_ATTEMPTS) throw error
      }
    }
  }
}

export function filtered(filter: FilterText | undefined): { filter?: FilterText } {
  return filter === undefined ? {} : { filter }
}

export function cellsOf({ config }: Collection): number[] {
  return Array.from({ length: config.clusters }, (_, cell) => cell)
}

export function consistencyReport(
  { consistency }: ReadRequest,
  source: ReadSource,
  answers: readonly { primary: boolean }[],
): Pick<ReadReport, 'consistency' | 'token'> {
  if (source.from === 'cut') {
    const promised = consistency === 'bounded' || consistency === 'session' ? consistency : 'strong'
    return { consistency: promised, token: tokenText(source.cut) }
  }
  return {
    consistency: source.from === 'primary' && answers.every((answer) => answer.primary) ? 'primary' : 'eventual',
  }
}
