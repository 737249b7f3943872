/**
 * The limits of a request, and of the queues of a pod: tables, from which the checks take their numbers and
 * docs/reference/limits.md its rows. A request beyond a limit is refused by the name of the limit, before anything of it is done.
 */
import type { ErrorCode } from './errors.ts'
import { MaksError } from './errors.ts'

const MiB = 1024 * 1024

interface Limit {
  value: number
  what: string
  code: ErrorCode
}

export const LIMITS = {
  WRITE_POINTS_MAX: {
    value: 50_000,
    what: 'points of an upsert, ids of a delete or of an edit; of a batch of operations, over all of them',
    code: 'PAYLOAD_TOO_LARGE',
  },
  OPERATIONS_MAX: { value: 1024, what: 'operations of a `points/batch`', code: 'PAYLOAD_TOO_LARGE' },
  EDIT_KEYS_MAX: { value: 256, what: 'paths that a removal from payloads names', code: 'PAYLOAD_TOO_LARGE' },
  RETRIEVE_IDS_MAX: { value: 10_000, what: 'ids of a retrieval', code: 'PAYLOAD_TOO_LARGE' },
  SEARCHES_MAX: { value: 1024, what: 'queries of a batch', code: 'BAD_REQUEST' },
  CANDIDATES_MAX: {
    value: 512 * 1024,
    what: 'hits that the cells may send for a request: `limit` and `offset` of all its queries, times the cells that each asks; of each query, and of a page, at most the rows of the collection',
    code: 'PAYLOAD_TOO_LARGE',
  },
  ANSWER_BYTES_MAX: {
    value: 128 * MiB,
    what: 'bytes of vectors and payloads that one cell sends for a request',
    code: 'ANSWER_TOO_LARGE',
  },
  BODY_VALUES_MAX: {
    value: 2 * 1024 * 1024,
    what: 'objects, lists, and further members of objects in a body',
    code: 'PAYLOAD_TOO_LARGE',
  },
  LIST_VALUES_MAX: { value: 1024 * 1024, what: 'values of one list or object in a body', code: 'PAYLOAD_TOO_LARGE' },
  TEXT_BYTES_MAX: { value: 6 * MiB, what: 'bytes of one text in a body, as JSON', code: 'PAYLOAD_TOO_LARGE' },
  NUMBER_CHARS_MAX: { value: 1024, what: 'characters of one number in a body', code: 'BAD_REQUEST' },
  PAYLOAD_KEYS_MAX: { value: 256, what: 'paths that `with_payload` names', code: 'PAYLOAD_TOO_LARGE' },
  PAYLOAD_PATH_CHARS_MAX: {
    value: 65_536,
    what: 'characters of one of them, or of a path of a filter',
    code: 'PAYLOAD_TOO_LARGE',
  },
  FILTER_CONDITIONS_MAX: {
    value: 1024,
    what: 'conditions of a filter, nested ones included',
    code: 'PAYLOAD_TOO_LARGE',
  },
  FILTER_DEPTH_MAX: { value: 32, what: 'filters of a filter within each other', code: 'BAD_REQUEST' },
  FILTER_VALUES_MAX: {
    value: 65_536,
    what: 'values of the lists of a filter: ids, texts and numbers to match, corners of polygons',
    code: 'PAYLOAD_TOO_LARGE',
  },
  FILTER_CHARS_MAX: {
    value: 4 * MiB,
    what: 'characters of the filters of a request, as the router sends them to the cells',
    code: 'PAYLOAD_TOO_LARGE',
  },
  EXAMPLES_MAX: {
    value: 1024,
    what: 'examples of all queries of a request: vectors and ids of recommendations, discoveries and contexts',
    code: 'PAYLOAD_TOO_LARGE',
  },
  MMR_VALUES_MAX: {
    value: 2 * 1024 * MiB,
    what: 'values that `mmr` compares: its candidates, times the points that it chooses, times the dimension (64 at least)',
    code: 'PAYLOAD_TOO_LARGE',
  },
  FACET_VALUES_MAX: {
    value: 100_000,
    what: 'different values that a facet finds in one cell',
    code: 'ANSWER_TOO_LARGE',
  },
  SETTINGS_MAX: {
    value: 512,
    what: 'settings of a collection: members of its `metadata` and of its index tuning, and payload indexes',
    code: 'PAYLOAD_TOO_LARGE',
  },
  PAYLOAD_INDEXES_MAX: { value: 64, what: 'payload indexes of a collection', code: 'PAYLOAD_TOO_LARGE' },
  SETTING_BYTES_MAX: {
    value: 16 * 1024,
    what: 'bytes of one of them, as JSON with its name',
    code: 'PAYLOAD_TOO_LARGE',
  },
  ALIASES_MAX: { value: 256, what: 'aliases of a collection', code: 'PAYLOAD_TOO_LARGE' },
  ALIAS_ACTIONS_MAX: { value: 1024, what: 'actions of a change of aliases', code: 'PAYLOAD_TOO_LARGE' },
  PAYLOAD_BYTES_MAX: { value: MiB, what: 'bytes of the payload of a point, as JSON', code: 'PAYLOAD_TOO_LARGE' },
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof LIMITS

/** The refusal of `given`, which names the limit; `what` is the place in the request. */
export function beyond(name: LimitName, what: string, given: number): MaksError {
  const { value, code } = LIMITS[name]
  return new MaksError(code, `${what}: ${given} is more than ${value} (${name})`)
}

/** Throws the refusal where `given` is beyond the limit. */
export function checkLimit(name: LimitName, what: string, given: number): void {
  if (given > LIMITS[name].value) throw beyond(name, what, given)
}

/** Attempts of an edit at a point that others write between each read and write of it; then it is refused with OVERLOADED. */
export const EDIT_ATTEMPTS_MAX = 64

/**
 * Reads of a cell that look at every row and are under way at once; others wait for their turn, in the queue of
 * QUEUE_READS_MAX. Each holds its rows, a page or the values that it has found, and a share of one thread: more at once would
 * end none of them earlier.
 */
export const SCANS_AT_ONCE_MAX = 4

interface Queue {
  at: 'shard' | 'router'
  value: number
  what: string
}

/** Queues of pods and routers: what waits in them at most. A request beyond is refused with OVERLOADED, and may be sent again. */
export const QUEUES = {
  QUEUE_OPERATIONS_MAX: {
    at: 'shard',
    value: 2 * LIMITS.WRITE_POINTS_MAX.value,
    what: 'operations that wait for the log; a request is taken if none waits',
  },
  QUEUE_BYTES_MAX: {
    at: 'shard',
    value: 256 * MiB,
    what: 'bytes of the operations that wait for the log; a request is taken if none waits',
  },
  QUEUE_QUERIES_MAX: { at: 'shard', value: 4096, what: 'queries of searches that wait for the index' },
  QUEUE_READS_MAX: {
    at: 'shard',
    value: 2048,
    what: 'other reads that wait for the index: by id, pages, counts, samples',
  },
  QUEUE_WAITS_MAX: {
    at: 'shard',
    value: 2048,
    what: 'requests that wait until the pod has applied an entry of the log',
  },
  QUEUE_CALL_BODIES_MAX: {
    at: 'shard',
    value: 512 * MiB,
    what: 'bytes of the bodies of calls that are on their way; a body is taken if there is no other',
  },
  QUEUE_REQUESTS_MAX: {
    at: 'router',
    value: 2048,
    what: 'requests that are on their way, those of health and metrics left out',
  },
  QUEUE_BODIES_MAX: {
    at: 'router',
    value: 256 * MiB,
    what: 'bytes of the bodies of these requests; a body is taken if there is no other',
  },
  QUEUE_ALIASES_MAX: { at: 'router', value: 64, what: 'changes of aliases, of which one is made at a time' },
} as const satisfies Record<string, Queue>

export type QueueName = keyof typeof QUEUES

/** Throws OVERLOADED, before anything was executed, if the queue would have more than its limit. */
export function checkQueue(name: QueueName, waiting: number): void {
  const { value, at } = QUEUES[name]
  if (waiting > value)
    throw new MaksError('OVERLOADED', `a queue of the ${at} is full: ${waiting} is more than ${value} (${name})`, {
      details: { notExecuted: true },
    })
}

/** Bytes that `commit-batch.lua` counts for an entry beside its key and its row. */
const ENTRY_BYTES = 128
/** Of the budget of a cell's log: what one batch may take, so that it fits once the log is trimmed. */
const LOG_SHARE = 1 / 8

/** @param rowBytes of the row, or of the payload of an edit */
export function entryBytes(key: string, rowBytes: number): number {
  return key.length + rowBytes + ENTRY_BYTES
}

/** Bytes that one batch, and so one point, may take of a log with this budget. */
export function logShareBytes(budgetBytes: number): number {
  return Math.floor(LOG_SHARE * budgetBytes)
}
