/** Is a local process ready, and does it lead? Asked of the process itself. */
import { INTERNAL_HEADER, RPC } from '../protocol/shard-rpc.ts'
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

/** @param redisUrl where the collection's Redis is, for a unit of kind redis */
export async function probe(dir: DataDir, unit: LocalUnit, pid: number, redisUrl: string | undefined): Promise<Probed> {
  if (unit.kind === 'redis') return { ready: redisUrl !== undefined && (await redisAnswers(redisUrl)), primary: false }
  const run = dir.readRun(unit.name)
  if (run?.pid !== pid) return NOT_YET
  const answer = await ask(`http://${LOCALHOST}:${run.adminPort}/readyz`, {})
  // A router is ready when it answers: which collections it can serve is their business.
  if (unit.kind === 'router') return { ready: answer !== undefined, primary: false }
  if (!answer?.ok) return NOT_YET
  const status = await ask(`http://${LOCALHOST}:${run.port}${RPC.status}`, { [INTERNAL_HEADER]: dir.token })
  const role = status?.ok ? ((await status.json()) as { role: string }).role : undefined
  return { ready: true, primary: role === 'primary' }
}

function ask(url: string, headers: Record<string, string>): Promise<Response | undefined> {
  return fetch(url, { headers, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) }).catch(() => undefined)
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
