/** Where a local cluster listens, and which keys it asks for: what a start may choose, keep and change. */
import { httpUrl } from '../../core/address.ts'
import { badRequest } from '../../core/errors.ts'
import { hostInUrl, listensOnLoopback } from '../../runtime/loopback.ts'
import type { DataDir, Settings } from '../../supervisor/data-dir.ts'
import { liveProcesses } from '../../supervisor/orphans.ts'
import { listenProblem } from '../../supervisor/os-process.ts'

const DEFAULT_HOST = '127.0.0.1'
const DEFAULT_PORT = 6333
const PORT_TRIES = 200

export function endpointOf({ host, port }: Settings): string {
  return httpUrl(hostInUrl(host), port)
}

export type Wanted = Omit<Settings, 'port'>

/** An option that is not given is as it was at the last start. */
export function wantedSettings(
  options: { [K in keyof Wanted]: Wanted[K] | undefined },
  before: Settings | undefined,
): Wanted {
  const apiKey = options.apiKey ?? before?.apiKey
  const readOnlyApiKey = options.readOnlyApiKey ?? before?.readOnlyApiKey
  return {
    host: options.host ?? before?.host ?? DEFAULT_HOST,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(readOnlyApiKey === undefined ? {} : { readOnlyApiKey }),
  }
}

export async function checkReach({ host, apiKey }: Wanted): Promise<void> {
  if (apiKey !== undefined || (await listensOnLoopback(host))) return
  if ((await listenProblem(0, host)) !== undefined) throw badRequest(noAddress(host))
  throw badRequest(`--host ${host} can be reached from other machines, so it needs --api-key`)
}

/** A router that runs takes no other address or key. */
export function checkUnchanged(dir: DataDir, before: Settings, wanted: Wanted, port: number | undefined): void {
  const changed = [
    ...(port === undefined || port === before.port ? [] : [`port ${before.port}`]),
    ...(wanted.host === before.host ? [] : [`address ${before.host}`]),
    ...(wanted.apiKey === before.apiKey && wanted.readOnlyApiKey === before.readOnlyApiKey ? [] : ['other api keys']),
  ]
  if (changed.length === 0) return
  throw badRequest(
    `the cluster of ${dir.path} already runs with ${changed.join(' and ')}; stop it first ("maksdb stop --data-dir ${dir.path}")`,
  )
}

export async function choosePort(dir: DataDir, asked: number | undefined, host: string): Promise<number> {
  const before = dir.exists ? dir.settings : undefined
  const ours = liveProcesses(dir).some(([name]) => name === 'router') && before?.host === host ? before.port : undefined
  if (asked !== undefined) {
    const problem = asked === ours ? undefined : await pairProblem(asked, host)
    if (problem !== undefined) throw badRequest(problem)
    return asked
  }
  if (before && (before.port === ours || (await pairProblem(before.port, host)) === undefined)) return before.port
  let problem: string | undefined
  for (let port = DEFAULT_PORT; port < DEFAULT_PORT + PORT_TRIES; port += 2) {
    problem = await pairProblem(port, host)
    if (problem === undefined) return port
  }
  throw badRequest(
    `no two ports in a row from ${DEFAULT_PORT} to ${DEFAULT_PORT + PORT_TRIES} can be used (the last try: ${problem})`,
  )
}

/** Why REST and gRPC cannot have the port and the one after it; undefined where they can. */
async function pairProblem(port: number, host: string): Promise<string | undefined> {
  for (const one of [port, port + 1]) {
    const why = await listenProblem(one, host)
    if (why === 'EADDRNOTAVAIL' || why === 'ENOTFOUND' || why === 'EAI_AGAIN') return noAddress(host)
    const use = one === port ? 'REST' : `gRPC, which has the port after REST's ${port},`
    if (why === 'EADDRINUSE') return `port ${one} is taken, and ${use} needs it; choose another with --port`
    if (why === 'EACCES') return `port ${one} needs root, and ${use} uses it; choose one above 1023 with --port`
    if (why !== undefined) return `port ${one} of ${host} cannot be used (${why}); choose another with --port`
  }
  return undefined
}

function noAddress(host: string): string {
  return `--host ${host} is not an address of this machine; "ip address" lists its addresses`
}
