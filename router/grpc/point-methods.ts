/** The service `qdrant.Points`. A body is what REST would have, so that both protocols have one parser, its limits and its errors. */
import { MaksError } from '../../core/errors.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { PointOperation } from '../edit/edit.ts'
import { parseIndex, removalOfIndex } from '../manage/collection-settings.ts'
import { changeIndexes } from '../manage/payload-indexes.ts'
import type { Point, ScoredPoint } from '../query/rows.ts'
import {
  parseClearPayload,
  parseDeletePayload,
  parseOverwritePayload,
  parseSetPayload,
} from '../requests/payload-requests.ts'
import { parseCount, parseRetrieve, parseScroll, type Selection, wantedOf } from '../requests/point-requests.ts'
import { QueryVectors } from '../requests/query-context.ts'
import {
  type ParsedQuery,
  parseQueries,
  parseQuery,
  FORMS as QUERIES,
  type QueryForm,
} from '../requests/query-requests.ts'
import { optionsOfWrites, readParams, writeOptions } from '../requests/request-options.ts'
import { type Place, parseDelete, parseUpdateVectors, parseUpsert, wholeBody } from '../requests/write-requests.ts'
import { wordOf } from './forms.ts'
import { type Answer, type Asked, collectionOf, commonOf, encodedList, type Run } from './methods.ts'
import { idMessage, pointMessage, scoredMessage } from './shapes.ts'
import type { Message } from './wire/decode.ts'

type Parse = (body: Message, place: Place) => PointOperation | Generator<void, PointOperation, void>

const writing = (parse: Parse): Run => ({
  writes: true,
  run: async (asked) => {
    const collection = collectionOf(asked)
    const parsed = parse(asked.body, wholeBody(collection.config))
    const operation = 'is' in parsed ? parsed : await inSlices(parsed)
    const options = optionsOfWrites(asked.outside, [operation])
    const { version, visible, report } = await asked.parts.points.writes.write(
      collection,
      operation,
      options,
      asked.call,
    )
    return { message: resultOf(version, visible), ...(report ? { report } : {}) }
  },
})

const reading = (run: Run['run']): Run => ({ writes: false, run })

function resultOf(version: number, visible: boolean): object {
  return { result: { operation_id: version, status: visible ? 'Completed' : 'Acknowledged' } }
}

function upsertOf({ update_mode: mode, points = [], ...body }: Message): Message {
  return { ...body, points, ...(mode === undefined ? {} : { update_mode: wordOf(mode as string) }) }
}

/** The ids or the filter stand in the body of REST itself. */
function selectedBy(name: string, { [name]: selector, ...body }: Message): Message {
  return { ...body, ...(selector as Message | undefined) }
}

/** Names of REST: it has `with_vector`, and `vector` for what a search is about. */
function readOf({ with_vectors, ...body }: Message): Message {
  return { ...body, ...(with_vectors === undefined ? {} : { with_vector: with_vectors }) }
}

function searchOf({ vector, vector_name: name, limit = 0, ...body }: Message): Message {
  return readOf({ ...body, limit, vector: name === undefined ? vector : { name, vector } })
}

const querying = (form: QueryForm, bodyOf: (message: Message) => Message) =>
  reading(async (asked) => {
    const collection = collectionOf(asked)
    const { config } = collection
    const vectors = new QueryVectors(config.vectors[''].size, 1)
    const query = parseQuery(bodyOf(asked.body), form, { config, outside: asked.outside, vectors })
    const { points, report } = await asked.parts.points.query(collection, [query], asked.call)
    const list = scoredList('ScoredResponse', points[0] ?? [], query, collection)
    return { message: { result: await inSlices(list) }, report }
  })

/** Each query of a batch is of the same collection, and its own name may be left out. */
const queryingAll = (name: string, form: QueryForm, bodyOf: (message: Message) => Message) =>
  reading(async (asked) => {
    const collection = collectionOf(asked)
    const bodies = ((asked.body[name] ?? []) as Message[]).map((message, i) => {
      const { collection: own, body } = commonOf(message, {})
      if (own !== '' && own !== asked.collection)
        throw new MaksError('UNSUPPORTED', `${name}[${i}].collection_name: a batch asks one collection`)
      return bodyOf(body)
    })
    const context = { config: collection.config, outside: asked.outside }
    const queries = await inSlices(parseQueries({ searches: bodies }, form, context))
    const { points, report } = await asked.parts.points.query(collection, queries, asked.call)
    const results: object[] = []
    for (const [i, query] of queries.entries())
      results.push({ result: await inSlices(scoredList('BatchResult', points[i] ?? [], query, collection)) })
    return { message: { result: results }, report }
  })

function scoredList(type: string, points: readonly ScoredPoint[], { payload }: ParsedQuery, { config }: Collection) {
  return encodedList(type, 'result', points, (point) => scoredMessage(point, payload, config))
}

function pointList(type: string, points: readonly Point[], { payload }: Selection, { config }: Collection) {
  return encodedList(type, 'result', points, (point) => pointMessage(point, payload, config))
}

async function retrieve(asked: Asked): Promise<Answer> {
  const collection = collectionOf(asked)
  const wanted = parseRetrieve(readOf({ ids: [], ...asked.body }), collection.config)
  const { read } = readParams(asked.outside, undefined)
  const { points, report } = await asked.parts.points.retrieve(
    collection,
    wanted.keys,
    wantedOf(wanted),
    read,
    asked.call,
  )
  return { message: { result: await inSlices(pointList('PointsResponse', points, wanted, collection)) }, report }
}

async function scroll(asked: Asked): Promise<Answer> {
  const collection = collectionOf(asked)
  const wanted = parseScroll(readOf(asked.body), collection.config)
  const { read } = readParams(asked.outside, undefined)
  const { points } = asked.parts
  const rows = wantedOf(wanted)
  const page = wanted.order
    ? { ...(await points.ordered(collection, wanted.order, wanted, rows, read, asked.call)), next: null }
    : await points.scroll(collection, wanted, rows, read, asked.call)
  const result = await inSlices(pointList('ScrollResponse', page.points, wanted, collection))
  const next = page.next === null ? {} : { next_page_offset: idMessage(page.next) }
  return { message: { ...next, result }, report: page.report }
}

async function count(asked: Asked): Promise<Answer> {
  const collection = collectionOf(asked)
  const { filter } = parseCount(asked.body, collection.config)
  const { read } = readParams(asked.outside, undefined)
  const { count: counted, report } = await asked.parts.points.count(collection, read, asked.call, filter)
  return { message: { result: { count: counted } }, report }
}

function indexOf({ field_type: type, ...body }: Message): Message {
  const word = type === undefined ? {} : { field_schema: wordOf((type as string).replace('FieldType', '')) }
  return { ...body, ...word }
}

const indexing = (changeOf: (body: Message) => ReturnType<typeof parseIndex>): Run => ({
  writes: true,
  run: async (asked) => {
    const { wait } = writeOptions(asked.outside, 0)
    const { version, complete } = await changeIndexes(collectionOf(asked), changeOf(asked.body), wait, asked.call)
    return { message: resultOf(version, complete) }
  },
})

export const POINT_METHODS: Readonly<Record<string, Run>> = {
  Upsert: writing((body, place) => parseUpsert(upsertOf(body), place)),
  Delete: writing((body, place) => parseDelete(selectedBy('points', body), place)),
  UpdateVectors: writing(parseUpdateVectors),
  SetPayload: writing((body, place) => parseSetPayload(selectedBy('points_selector', { payload: {}, ...body }), place)),
  OverwritePayload: writing((body, place) =>
    parseOverwritePayload(selectedBy('points_selector', { payload: {}, ...body }), place),
  ),
  DeletePayload: writing((body, place) =>
    parseDeletePayload(selectedBy('points_selector', { keys: [], ...body }), place),
  ),
  ClearPayload: writing((body, place) => parseClearPayload(selectedBy('points_selector', body), place)),
  CreateFieldIndex: indexing((body) => parseIndex(indexOf(body))),
  DeleteFieldIndex: indexing(({ field_name: field = '' }) => removalOfIndex(String(field))),
  Get: reading(retrieve),
  Scroll: reading(scroll),
  Count: reading(count),
  Search: querying(QUERIES.search, searchOf),
  SearchBatch: queryingAll('search_points', QUERIES.search, searchOf),
  Query: querying(QUERIES.query, readOf),
  QueryBatch: queryingAll('query_points', QUERIES.query, readOf),
}
