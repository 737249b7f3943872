/** Is a local process ready, and does it lead? Asked of the process itself. */
import { INTERNAL_HEADER, RPC } from '../protocol/shard-rpc.ts'
import { askHttp, isOk } from '../runtime/http-call.ts'
import { RedisLink } from '../store/redis-link.ts'
import type { DataDir } from './data-dir.ts'
import type { LocalUnit } from './units.ts'

const PROBE_TIMEOUT_MS = 1000
const LOCALHOST = '127.0.0.1'

export interface Probed {
  ready: boolean
  primary: boolean
}

const NOT_YET: Probed = { ready: false, primary: false }

/** @param redisUrl where the collection's Redis is; asked for a unit of kind redis */
export async function probe(
  dir: DataDir,
  unit: LocalUnit,
  pid: number,
  redisUrl: () => string | undefined,
): Promise<Probed> {
  if (unit.kind === 'redis') {
    const url = redisUrl()
    return { ready: url !== undefined && (await redisAnswers(url)), primary: false }
  }
  const run = dir.readRun(unit.name)
  if (run?.pid !== pid) return NOT_YET
  const answer = await askHttp(`http://${LOCALHOST}:${run.adminPort}/readyz`, {}, PROBE_TIMEOUT_MS)
  // A router is ready when it answers: which collections it can serve is their business.
  if (unit.kind === 'router') return { ready: answer !== undefined, primary: false }
  if (!isOk(answer)) return NOT_YET
  const url = `http://${LOCALHOST}:${run.port}${RPC.status}`
  const status = await askHttp(url, { [INTERNAL_HEADER]: dir.token }, PROBE_TIMEOUT_MS)
  const role = isOk(status) ? (JSON.parse(status.bytes.toString()) as { role: string }).role : undefined
  return { ready: true, primary: role === 'primary' }
}

async function redisAnswers(url: string): Promise<boolean> {
  const link = new RedisLink(url)
  try {
    return (await link.use((redis) => redis.ping())) === 'PONG'
  } catch {
    return false
  } finally {
    link.drop()
  }
}
