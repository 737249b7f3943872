/**
 * Routes on payload indexes. An index is a setting of the collection, which the pods follow: each builds its own in the background,
 * and tells in its heartbeats how far it has come.
 */
import type { Request, Router } from 'express'
import type { Call } from '../../runtime/call.ts'
import { within } from '../../runtime/until.ts'
import { changeSettings, type Settings } from '../../store/settings.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Collections } from '../cluster/collections.ts'
import { parseIndex, removalOfIndex } from './collection-settings.ts'
import type { Reply, Send } from './reply.ts'
import { writeOptions } from './request-options.ts'

const POLL_MS = 50
/** Rows that came last. While points are written there are always some, and a filter brings them into the index before it plans. */
const LATEST_ROWS = 512

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

/** With `wait=true`, answers when the indexes are complete; if they are not at the end of the call, they are later. */
async function changeIndex(collection: Collection, change: Settings, request: Request, call: Call): Promise<Reply> {
  const { wait } = writeOptions(request, 0)
  const { link, scope } = collection
  const version = await link.use((redis) => changeSettings(redis, scope, change))
  const complete = wait && (await isComplete(collection, version, call))
  return { result: { operation_id: version, status: complete ? 'completed' : 'acknowledged' } }
}

/** Have the primaries, and the replicas whose heartbeats come, the indexes of a version of the settings, and complete? */
async function isComplete(collection: Collection, version: number, { deadline, signal }: Call): Promise<boolean> {
  const first = new Map(collection.topology?.members.map(({ pod, beat }) => [pod, beat]))
  const pace = { limitMs: Math.max(0, deadline - performance.now() - 2 * POLL_MS), everyMs: POLL_MS }
  const complete = await within(pace, async () => {
    if (signal.aborted) return true
    await collection.refresh()
    const { topology } = collection
    const pods = topology?.members.filter(({ pod, beat }) => first.get(pod) !== beat) ?? []
    const leaders = topology?.cells.map((_cell, number) => collection.leader(number)) ?? [undefined]
    return [...leaders, ...pods].every((pod) => {
      const { settings, fields } = pod?.payloadIndexes ?? { settings: -1, fields: {} }
      return settings >= version && Object.values(fields).every(({ pending }) => pending <= LATEST_ROWS)
    })
  })
  return complete === true && !signal.aborted
}
