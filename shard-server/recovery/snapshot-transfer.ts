/**
 * An empty or outdated pod copies the snapshot of a peer of its cell. The log must keep what follows the snapshot while
 * it is copied: the hold is registered first, and refused where the log has already been cut above it (rule L16).
 */
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { httpUrl } from '../../core/address.ts'
import { MaksError } from '../../core/errors.ts'
import { comparePositions, parsePosition } from '../../core/log/position.ts'
import { type Heartbeat, INTERNAL_HEADER, RPC, type SnapshotRequest } from '../../protocol/shard-rpc.ts'
import { openHttp } from '../../runtime/http-call.ts'
import type { RedisLink } from '../../store/redis-link.ts'
import { parseManifest, sealed } from '../index/snapshot-manifest.ts'
import { callPeer } from '../pod/peers.ts'
import { heartbeatOf, type Pod } from '../pod/pod.ts'

/** A peer without a snapshot that is new enough takes one while this call waits. */
const SNAPSHOT_TIMEOUT_MS = 600_000

/** Copies a peer's snapshot into a folder of its own and returns its path, named like a snapshot. */
export async function bootstrapFromPeer(
  pod: Pod,
  link: RedisLink,
  trim: string,
  setHold: (position: string) => void,
): Promise<string> {
  const members = await link.use((redis) => pod.log.members(redis))
  const newest = (member: Heartbeat) => parsePosition(member.newestSnapshot ?? '0-0')
  const peers = members
    .filter((member) => member.cell === pod.env.MAKSDB_CELL && member.pod !== pod.name)
    .sort((a, b) => comparePositions(newest(b), newest(a)))
  let last: unknown = new MaksError('NOT_READY', `no peer has a snapshot at or after ${trim}`)
  for (const peer of peers) {
    try {
      return await copyFrom(pod, link, peer, trim, setHold)
    } catch (error) {
      last = error
      pod.logger.warn({ peer: peer.pod, error: String(error) }, 'copying a snapshot failed')
    }
  }
  throw last
}

async function copyFrom(
  pod: Pod,
  link: RedisLink,
  peer: Heartbeat,
  trim: string,
  setHold: (position: string) => void,
): Promise<string> {
  const wanted: SnapshotRequest = { atLeast: trim }
  const answer = await callPeer(pod, peer, RPC.snapshotManifest, wanted, [], SNAPSHOT_TIMEOUT_MS)
  const header = parseManifest(answer.header)
  const held = await link.use((redis) =>
    pod.log.pinRetention(redis, { ...heartbeatOf(pod), retentionPin: header.position }, header.position),
  )
  if (held[0] === 'OTHER') throw new MaksError('NOT_READY', 'the log is not claimed any more')
  if (held[0] !== 'OK')
    throw new MaksError('NOT_READY', `the log was cut at ${held[1]}, after the snapshot of ${peer.pod}`)
  setHold(header.position)
  const folder = join(pod.env.MAKSDB_DATA_DIR, 'copy')
  const path = join(folder, `snapshot-${header.position}`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(join(folder, 'partial'), { recursive: true })
  for (const file of header.files) {
    const url = `${httpUrl(peer.address, peer.port)}${RPC.snapshotFile}?position=${header.position}&name=${file.name}`
    const headers = { [INTERNAL_HEADER]: pod.env.MAKSDB_INTERNAL_TOKEN }
    const response = await openHttp(url, { method: 'GET', headers })
    if (response.statusCode !== 200)
      throw new MaksError('NOT_READY', `${peer.pod} no longer has ${file.name} of ${header.position}`)
    await pipeline(response, createWriteStream(join(folder, 'partial', file.name)))
  }
  await writeFile(join(folder, 'partial', 'manifest.json'), sealed(header))
  await rename(join(folder, 'partial'), path)
  return path
}
