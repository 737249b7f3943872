/** Changes of payload indexes. An index is a setting of the collection, which the pods follow. */
import type { Call } from '../../runtime/call.ts'
import { within } from '../../runtime/until.ts'
import { changeSettings, type Settings } from '../../store/settings.ts'
import type { Collection } from '../cluster/collection.ts'

const POLL_MS = 50
/** Rows that came last. While points are written there are always some, and a filter brings them into the index before it plans. */
const LATEST_ROWS = 512

/** With `wait`, resolves when the indexes are complete; if they are not at the end of the call, they are later. */
export async function changeIndexes(
  collection: Collection,
  change: Settings,
  wait: boolean,
  call: Call,
): Promise<{ version: number; complete: boolean }> {
  const { link, scope } = collection
  const version = await link.use((redis) => changeSettings(redis, scope, change))
  return { version, complete: wait && (await isComplete(collection, version, call)) }
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
