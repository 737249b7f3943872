/** The methods of the services: each reads its request, calls the operation, and makes its answer. */
import type { IncomingHttpHeaders } from 'node:http'
import { badRequest } from '../../core/errors.ts'
import type { Call } from '../../runtime/call.ts'
import type { Collection } from '../cluster/collection.ts'
import type { CollectionParts } from '../manage/collection-admin.ts'
import type { ReadReport } from '../query/read-report.ts'
import type { Outside } from '../requests/request-options.ts'
import { SHAPES } from './shapes.ts'
import type { Message } from './wire/decode.ts'
import { encodeField } from './wire/encode.ts'
import { type MessageType, readProto } from './wire/proto-file.ts'

export const PROTO = readProto(new URL('./maksdb.proto', import.meta.url))

/** Names its fields as the .proto file does; a list of messages may be encoded already, as a Buffer of the whole field. */
export interface Answer {
  message: object
  report?: Partial<ReadReport>
}

export interface Asked {
  parts: CollectionParts
  collection: string
  /** The message, without what every request has: the name of the collection, its time, `wait`, and options without meaning. */
  body: Message
  outside: Outside
  call: Call
}

export interface Run {
  /** May it change something? A read-only key allows no such method. */
  writes: boolean
  run: (asked: Asked) => Promise<Answer>
}

/** Known in every request, and without meaning here: each answer already holds every acknowledged write. */
const WITHOUT_MEANING = ['ordering', 'read_consistency']

/** The parts of a message that each request may have, and the rest of it. */
export function commonOf(message: Message, headers: IncomingHttpHeaders) {
  const { collection_name: collection = '', wait, timeout, ...body } = message
  for (const name of WITHOUT_MEANING) delete body[name]
  const query = wait === undefined ? {} : { wait: wait === true ? 'true' : 'false' }
  return { collection: String(collection), timeoutS: secondsOf(timeout), body, outside: { query, headers } }
}

function secondsOf(timeout: unknown): number | undefined {
  if (timeout === undefined) return undefined
  if (Number(timeout) > 0) return Number(timeout)
  throw badRequest('"timeout" must be a number of seconds from 1')
}

export function collectionOf({ parts, collection }: Asked): Collection {
  return parts.collections.get(collection)
}

export function typeOf(name: string): MessageType {
  return PROTO.messages.get(name) as MessageType
}

/** The field of a list in an answer, encoded message by message. Yields after each. */
export function* encodedList<T>(
  type: string,
  name: string,
  items: readonly T[],
  messageOf: (item: T) => object,
): Generator<void, Buffer, void> {
  const field = [...typeOf(type).fields.values()].find((one) => one.name === name)
  if (!field) throw new Error(`${type} has no field "${name}"`)
  const buffers: Buffer[] = []
  for (const item of items) {
    buffers.push(encodeField(field, [messageOf(item)], SHAPES))
    yield
  }
  return Buffer.concat(buffers)
}
