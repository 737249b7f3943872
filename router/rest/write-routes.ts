/** Routes that write points. Each parses the request, carries out its operations, and encodes the answer. */
import type { Request, Router } from 'express'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { Call } from '../../runtime/call.ts'
import { inSlices } from '../../runtime/slices.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Collections } from '../cluster/collections.ts'
import type { PointOperation } from '../edit/edit.ts'
import type { WriteAnswer } from '../edit/point-writes.ts'
import type { Points } from '../points.ts'
import { parseOperations } from '../requests/batch-requests.ts'
import {
  parseClearPayload,
  parseDeletePayload,
  parseOverwritePayload,
  parseSetPayload,
} from '../requests/payload-requests.ts'
import { optionsOfWrites } from '../requests/request-options.ts'
import {
  parseDelete,
  parseDeleteVectors,
  parseUpdateVectors,
  parseUpsert,
  wholeBody,
} from '../requests/write-requests.ts'
import type { Reply, Send } from './reply.ts'

export interface WriteParts {
  collections: Collections
  points: Points
}

type Parse = (body: unknown, config: CollectionConfig) => PointOperation | Promise<PointOperation>

/** Routes of one operation. */
const ROUTES: readonly [method: 'put' | 'post', path: string, parse: Parse][] = [
  ['put', '', (body, config) => inSlices(parseUpsert(body, wholeBody(config)))],
  ['post', '/delete', (body, config) => parseDelete(body, wholeBody(config))],
  ['post', '/payload', (body, config) => parseSetPayload(body, wholeBody(config))],
  ['put', '/payload', (body, config) => parseOverwritePayload(body, wholeBody(config))],
  ['post', '/payload/delete', (body, config) => parseDeletePayload(body, wholeBody(config))],
  ['post', '/payload/clear', (body, config) => parseClearPayload(body, wholeBody(config))],
  ['put', '/vectors', (body, config) => inSlices(parseUpdateVectors(body, wholeBody(config)))],
  ['post', '/vectors/delete', (body, config) => parseDeleteVectors(body, wholeBody(config))],
]

export function writeRoutes(router: Router, parts: WriteParts, send: Send): void {
  const of = (request: Request) => parts.collections.get(String(request.params.c))
  for (const [method, path, parse] of ROUTES) {
    router[method](
      `/collections/:c/points${path}`,
      send(async (request, call) => {
        const collection = of(request)
        const operation = await parse(request.body, collection.config)
        const options = optionsOfWrites(request, [operation])
        const { report, ...answer } = await parts.points.writes.write(collection, operation, options, call)
        return { result: resultOf(answer), ...(report ? { report } : {}) }
      }),
    )
  }
  router.post(
    '/collections/:c/points/batch',
    send((request, call) => batch(parts, request, of(request), call)),
  )
}

async function batch({ points }: WriteParts, request: Request, collection: Collection, call: Call): Promise<Reply> {
  const operations = await inSlices(parseOperations(request.body, collection.config))
  const answers = await points.writes.batch(collection, operations, optionsOfWrites(request, operations), call)
  const report = answers.at(-1)?.report
  return { result: answers.map(resultOf), ...(report ? { report } : {}) }
}

function resultOf({ version, visible }: WriteAnswer) {
  return { operation_id: version, status: visible ? 'completed' : 'acknowledged' }
}
