/** The operations of the API that write points: alone, or several in one request, one after the other. */
import { asMaksError, MaksError } from '../../core/errors.ts'
import type { Call } from '../../runtime/call.ts'
import type { Collection } from '../cluster/collection.ts'
import { laterToken, type SessionToken, tokenText } from '../cluster/session-token.ts'
import type { ReadReport } from '../query/read-report.ts'
import { type Idempotency, idempotencyOf } from '../write/idempotency.ts'
import { askedBy, conditional, type PointOperation, pointsNamed } from './edit.ts'
import { type EditParts, EditRun } from './edit-run.ts'

export interface WriteRequest {
  wait: boolean
  idempotencyKey: string | undefined
  /** User version that each point must have; 0 if it must not exist. */
  ifVersion: number | undefined
  /** The newest state that the session has seen. */
  token: SessionToken | undefined
}

export interface WriteAnswer {
  /** Highest user version that the operation made; 0 for none. */
  version: number
  visible: boolean
  report?: Partial<ReadReport>
}

export class PointWrites {
  readonly #parts: EditParts

  constructor(parts: EditParts) {
    this.#parts = parts
  }

  async write(
    collection: Collection,
    operation: PointOperation,
    request: WriteRequest,
    call: Call,
  ): Promise<WriteAnswer> {
    const [answer] = await this.#inOrder(collection, [operation], request, call)
    return answer as WriteAnswer
  }

  /**
   * One answer for each operation. An error names its operation, and `operations` of its details what each has come to: those
   * before it are applied, and those after it are not. It is UNKNOWN_OUTCOME instead of an error that says that nothing was
   * applied.
   */
  async batch(
    collection: Collection,
    operations: readonly PointOperation[],
    request: WriteRequest,
    call: Call,
  ): Promise<WriteAnswer[]> {
    let done = 0
    try {
      return await this.#inOrder(collection, operations, request, call, () => done++)
    } catch (thrown) {
      throw failureAt(done, operations.length, asMaksError(thrown))
    }
  }

  async #inOrder(
    collection: Collection,
    operations: readonly PointOperation[],
    { idempotencyKey, ifVersion, token, ...request }: WriteRequest,
    call: Call,
    onDone: () => void = () => undefined,
  ): Promise<WriteAnswer[]> {
    // At this level a write is durable once the pods have it in their journals, too.
    const wait = request.wait || collection.config.durability === 'Journal'
    const keys = idempotencyKey === undefined ? [] : idempotencyOfEach(idempotencyKey, operations, ifVersion)
    const answers: WriteAnswer[] = []
    let seen = token
    for (const [at, operation] of operations.entries()) {
      const options = { wait, ifVersion, idempotency: keys[at] }
      const version = await this.#one(collection, operation, options, call)
      seen = await seenBy(collection, version, seen)
      answers.push({ version, visible: wait, ...(seen === undefined ? {} : { report: { token: tokenText(seen) } }) })
      onDone()
    }
    return answers
  }

  async #one(
    collection: Collection,
    operation: PointOperation,
    options: { wait: boolean; ifVersion: number | undefined; idempotency: Idempotency | undefined },
    call: Call,
  ): Promise<number> {
    if (operation.is === 'edit') return new EditRun(this.#parts, collection, operation.edit, options, call).run()
    const { wait, ifVersion, idempotency } = options
    const writes = conditional(operation.writes, ifVersion)
    const written = { wait, ...(idempotency ? { idempotency } : {}) }
    return (await this.#parts.writes.write(collection, writes, written, call)).version
  }
}

/** Each operation has a key of its own, since one id may stand in several; the digest is of all of them. */
function idempotencyOfEach(
  idempotencyKey: string,
  operations: readonly PointOperation[],
  ifVersion: number | undefined,
): Idempotency[] {
  const points = operations.reduce((sum, operation) => sum + (pointsNamed(operation) ?? 0), 0)
  const all = idempotencyOf(idempotencyKey, points, askedByAll(operations, ifVersion))
  // The first has the key itself, so that any other request under it is found out. No key of a client holds a line feed.
  return operations.map((_, at) =>
    at === 0 ? all : { ...all, key: idempotencyOf(`${idempotencyKey}\n${at}`, 0, []).key },
  )
}

function* askedByAll(operations: readonly PointOperation[], ifVersion: number | undefined) {
  for (const operation of operations) yield* askedBy(operation, ifVersion)
}

function failureAt(at: number, operations: number, error: MaksError): MaksError {
  const outcomes = Array.from({ length: operations }, (_, i) =>
    i < at ? 'applied' : i > at ? 'not applied' : error.code === 'UNKNOWN_OUTCOME' ? 'unknown' : 'failed',
  )
  const cells = error.details?.cells
  const before = at === 0 ? '' : `; the ${at} operations before it are applied`
  return new MaksError(
    at > 0 && error.retriable ? 'UNKNOWN_OUTCOME' : error.code,
    `operations[${at}]: ${error.message}${before}`,
    { cause: error, details: { ...(cells === undefined ? {} : { cells }), operations: outcomes } },
  )
}

/**
 * The newest state that a session has seen after a write; undefined if Redis names none. A write that changed nothing
 * has no version of its own: then the session has seen a state that is not newer than the current one.
 */
async function seenBy(
  collection: Collection,
  version: number,
  before: SessionToken | undefined,
): Promise<SessionToken | undefined> {
  const generation = collection.topology?.generation ?? 0
  const now = version > 0 ? { generation, version } : await collection.cuts.take().catch(() => undefined)
  return now && before ? laterToken(before, now) : (now ?? before)
}
