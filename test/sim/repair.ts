/** A repair of the simulation, which may stop at any step: the scripts and the judgement are the real ones. */

import type { IdKey } from '../../core/ids.ts'
import { coveredBy, type LogCoverage } from '../../core/log/coverage.ts'
import { comparePositions, formatPosition } from '../../core/log/position.ts'
import { type DirectoryEntry, resolveId } from '../../core/log/repair.ts'
import { addFacts, facts, heldRows, type KnownOfId } from '../../shard-server/index/row-facts.ts'
import { type ChosenReplica, parsePlan, RepairLog } from '../../store/repair-log.ts'
import { BUCKETS, SCOPE } from './collection.ts'
import type { SimPod } from './pod.ts'
import type { World } from './world.ts'

/** @param reply what claim-cell.lua said to the pod that is to repair under the token */
export async function* repairBy(world: World, token: string, reply: readonly string[]): AsyncGenerator<void> {
  const copies = parsePlan(reply)
  const repair = new RepairLog(world.client, { ...SCOPE, clusters: world.cells }, token)
  const chosen = copies.map((copy) => podOf(world, copy))
  for (const pod of chosen) pod.snapshot()
  const heard = chosen.map(({ fold: { version, holes } }) => ({ version, holes }))
  yield
  const newest = chosen.map(({ fold }) => fold.centroids).reduce((a, b) => (b.version > a.version ? b : a))
  const rebased = await repair.begin(copies, Math.max(...heard.map(({ version }) => version)), newest)
  yield
  for (const cell of rebased) secure(world, chosen[cell] as SimPod)
  yield
  for (const copy of copies) podOf(world, copy)
  const values = await mend(world, repair, chosen, heard)
  yield
  await repair.writeDirectory(0, BUCKETS, values)
  yield
  if (!world.mutant('a repair forgets what requests have come to'))
    await repair.writeIdempotency(chosen.flatMap(({ fold }) => [...fold.idempotency.all()]))
  yield
  const doubled = [...values.values()].filter(({ spill: copy }) => copy !== null).length
  await repair.finish(values.size, doubled, '{}')
}

function podOf(world: World, copy: ChosenReplica): SimPod {
  const pod = world.pods.find(({ name }) => name === copy.pod) as SimPod
  const { position, hash } = pod.fold.point
  if (
    pod.phase !== 'claiming' ||
    formatPosition(position) !== formatPosition(copy.tip.position) ||
    hash !== copy.tip.hash
  )
    throw new Error(`${pod.name} does not hold what was chosen`)
  return pod
}

/** A second pod of the cell gets the snapshot that the log goes on from. */
function secure(world: World, chosen: SimPod): void {
  const other = world.pods.find((pod) => pod !== chosen && pod.cell === chosen.cell && pod.phase === 'claiming')
  if (!other) return
  if (comparePositions(other.fold.point.position, chosen.fold.point.position) < 0)
    other.bootstrap(chosen.fold.point.position)
  if (other.fold.point.hash === chosen.fold.point.hash) other.snapshot()
}

async function mend(
  world: World,
  repair: RepairLog,
  chosen: readonly SimPod[],
  all: readonly LogCoverage[],
): Promise<Map<IdKey, DirectoryEntry>> {
  const ids = new Map<IdKey, KnownOfId>()
  chosen.forEach((pod, cell) => addFacts(ids, cell, facts(pod.fold, 0, BUCKETS)))
  const heard = world.mutant('believe every tombstone') ? () => true : coveredBy(all)
  const values = new Map<IdKey, DirectoryEntry>()
  for (const [key, { rows, tombstones }] of ids) {
    const { value, fixes } = resolveId(key, rows, tombstones, heard)
    if (value) values.set(key, value)
    if (fixes.length === 0 || world.mutant('leave stale rows where they are')) continue
    const withRows = fixes.map((fix) => {
      const fold = chosen[fix.cell]?.fold
      const row = fix.type === 'U' && fold ? heldRows(fold, [fix])[0] : undefined
      return { fix, row: row ?? new Uint8Array(0) }
    })
    const versions = await repair.append(withRows)
    fixes.forEach((fix, i) => {
      if (fix.type === 'U' && value) value.version = versions[i] as number
    })
  }
  return values
}
