/** What must be so at the end of a simulated history, when everything has healed. */
import type { IdKey } from '../../core/ids.ts'
import { bucketOf, keysOf } from '../../protocol/keys.ts'
import { IDS, SCOPE } from './collection.ts'
import { Violation } from './ledger.ts'
import type { World } from './world.ts'

const keys = keysOf(SCOPE.namespace, SCOPE.name)

export async function checkEnd(world: World): Promise<void> {
  checkExecutedOnce(world)
  let owners = 0
  for (const key of IDS) {
    const raw = (await world.client.hget(keys.directory(bucketOf(key)), key)) ?? '-|||0|0'
    const [owner = '-', copy = '', source = '', userVersion = '0'] = raw.split('|')
    if (owner !== '-') owners++
    const listed = [owner, copy, source].filter((cell) => cell !== '' && cell !== '-')
    checkPlaces(world, key, owner, listed)
    if (world.asked) continue
    const found = owner === '-' ? undefined : Number(userVersion)
    world.ledger.expectSeen(key, world.ledger.acknowledged(), found, 'the end')
    world.ledger.expectUnnumbered(key, found === undefined ? undefined : contentOf(world, key, owner))
  }
  await checkCentroids(world)
  const rows = Number(await world.client.hget(keys.meta, 'rows'))
  if (rows !== owners) throw new Violation(`the collection counts ${rows} points and has ${owners}`)
}

/** The first pods of all cells, and the second ones, hold the id where the directory says, with one content. */
function checkPlaces({ pods, replicas }: World, key: IdKey, owner: string, listed: readonly string[]): void {
  for (let ordinal = 0; ordinal < replicas; ordinal++) {
    const held = pods.filter(({ name, fold }) => name.endsWith(`/${ordinal}`) && fold.live.has(key))
    const where = held.map(({ cell }) => String(cell)).sort()
    if (where.join() !== [...listed].sort().join())
      throw new Violation(`${key} is in cells ${where.join()}, the directory says ${listed.join()}`)
    if (held.some(({ fold, cell }) => (fold.live.get(key)?.flag === 'o') !== (String(cell) === owner)))
      throw new Violation(`${key} has another owner than the directory says`)
    const payloads = new Set(held.map(({ fold }) => fold.live.get(key)?.payload))
    if (payloads.size > 1) throw new Violation(`${key} has several contents: ${[...payloads].join(', ')}`)
  }
}

async function checkCentroids({ client, pods }: World): Promise<void> {
  const version = Number(await client.hget(keys.meta, 'cv'))
  const bytes = (await client.getBuffer(keys.centroids))?.toString() ?? ''
  for (const { name, fold } of pods) {
    const has = `${fold.centroids.version} ${Buffer.from(fold.centroids.bytes).toString()}`
    if (has !== `${version} ${bytes}`) throw new Violation(`${name} has centroids ${has}, Redis ${version} ${bytes}`)
  }
}

/** In the history that is left, whatever was repaired in it. */
function checkExecutedOnce({ asked, pods, ledger }: World): void {
  if (asked) return
  const executed = new Map<string, number>()
  for (const { name, fold } of pods)
    for (const [content, versions] of fold.executed)
      for (const version of versions) {
        const known = executed.get(content) ?? version
        if (known !== version)
          throw new Violation(`${content} was executed twice, as ${known} and, in ${name}, as ${version}`)
        executed.set(content, version)
      }
  for (const [content, version] of ledger.requested()) {
    const as = executed.get(content)
    if (as !== version) throw new Violation(`${content} was requested, answered as ${version}, and executed as ${as}`)
  }
}

function contentOf({ pods }: World, key: IdKey, owner: string): string | undefined {
  return pods.find(({ cell, fold }) => String(cell) === owner && fold.live.has(key))?.fold.live.get(key)?.payload
}
