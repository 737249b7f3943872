/**
 * Routes on payload indexes. An index is a setting of the collection, which the pods follow: each builds its own in the background,
 * and tells in its heartbeats how far it has come.
 */
import type { Request, Router } from 'express'
import type { Call } from '../../runtime/call.ts'
import type { Settings } from '../../store/settings.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Collections } from '../cluster/collections.ts'
import { parseIndex, removalOfIndex } from '../manage/collection-settings.ts'
import { changeIndexes } from '../manage/payload-indexes.ts'
import { writeOptions } from '../requests/request-options.ts'
import type { Reply, Send } from './reply.ts'

export function payloadIndexRoutes(router: Router, collections: Collections, send: Send): void {
  const collectionOf = (request: Request) => collections.get(String(request.params.c))
  router.put(
    '/collections/:c/index',
    send((request, call) => changeIndex(collectionOf(request), parseIndex(request.body), request, call)),
  )
  router.delete(
    '/collections/:c/index/:field',
    send((request, call) => {
      const removal = removalOfIndex(String(request.params.field))
      return changeIndex(collectionOf(request), removal, request, call)
    }),
  )
}

async function changeIndex(collection: Collection, change: Settings, request: Request, call: Call): Promise<Reply> {
  const { wait } = writeOptions(request, 0)
  const { version, complete } = await changeIndexes(collection, change, wait, call)
  return { result: { operation_id: version, status: complete ? 'completed' : 'acknowledged' } }
}
