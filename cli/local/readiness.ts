/** Waiting for what `start` has begun: as long as it makes progress, and no longer than until a process fails for good. */
import type { ChildProcess } from 'node:child_process'
import { type ErrorCode, MaksError } from '../../core/errors.ts'
import { INTERNAL_HEADER } from '../../protocol/shard-rpc.ts'
import { askHttp, callHttp, isOk } from '../../runtime/http-call.ts'
import { errorOfReply } from '../../runtime/http-server.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { within } from '../../runtime/until.ts'
import type { DataDir, Settings } from '../../supervisor/data-dir.ts'
import { isAlive } from '../../supervisor/os-process.ts'
import type { UnitState } from '../../supervisor/processes.ts'
import { endpointOf } from './addresses.ts'
import { lastWords } from './log-tail.ts'

/** So long nothing may change. */
const PATIENCE_MS = 90_000
const POLL_MS = 60
/** A question that is answered later is asked again. */
const ANSWER_MS = 10_000
const ASK_SUPERVISOR_EVERY_MS = 1000
/** A process that has ended so often at its start does not come up by itself. */
const FAILURES_MAX = 5

export function supervisorRuns(dir: DataDir): boolean {
  const record = dir.exists ? dir.supervisor : undefined
  return record !== undefined && isAlive(record)
}

/** One call of the supervisor's admin port. */
export async function callSupervisor(
  dir: DataDir,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> {
  const answer = await callHttp(`http://127.0.0.1:${dir.supervisor?.adminPort}${path}`, {
    method,
    headers: { [INTERNAL_HEADER]: dir.token, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
  }).catch(() => {
    throw new MaksError('NOT_READY', `the supervisor of ${dir.path} does not answer`)
  })
  const text = answer.bytes.toString()
  if (!isOk(answer)) throw errorOfReply(text)
  return JSON.parse(text) as unknown
}

export async function supervisorReady(dir: DataDir, child: ChildProcess): Promise<void> {
  const ready = await within({ limitMs: PATIENCE_MS, everyMs: POLL_MS }, async () => {
    if (await supervisorAnswers(dir)) return true
    // One that finds another supervisor there ends with 0.
    if (child.exitCode !== null && child.exitCode !== 0) throw failed(dir, 'supervisor', 'has ended')
    return false
  })
  if (!ready) throw failed(dir, 'supervisor', 'does not answer')
}

async function supervisorAnswers(dir: DataDir): Promise<boolean> {
  if (!supervisorRuns(dir)) return false
  return isOk(await askHttp(`http://127.0.0.1:${dir.supervisor?.adminPort}/healthz`, {}, ANSWER_MS))
}

/** Returns when the router answers, serves every collection that the data directory holds, and each cell is led. */
export async function clusterReady(dir: DataDir, settings: Settings): Promise<void> {
  const collections = dir.clusters.map(({ manifest }) => manifest.spec.collection ?? manifest.metadata.name)
  dir.forgetLastErrors()
  let seen = ''
  let changedAt = performance.now()
  let askedAt = performance.now()
  for (;;) {
    const lacking = await lackingOf(settings, collections)
    if (lacking === undefined) return
    throwRefusal(dir)
    if (performance.now() - askedAt >= ASK_SUPERVISOR_EVERY_MS) {
      askedAt = performance.now()
      const units = await unitsOf(dir)
      const failing = units.find(({ failures }) => failures >= FAILURES_MAX)
      if (failing) throw failed(dir, failing.name, `has ended ${failing.failures} times at its start`)
      const state = `${lacking}; ${units.map(({ name, ready }) => `${name} ${ready}`).join()}`
      if (state !== seen) changedAt = askedAt
      seen = state
      if (askedAt - changedAt > PATIENCE_MS) throw givenUp(dir, lacking, units)
    }
    await sleep(POLL_MS)
  }
}

/** Errors that no waiting mends: a process that ended with one ends so again, until its cause is removed. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['DATA_OF_ANOTHER_SHAPE', 'DATA_OF_ANOTHER_OWNER'])

function throwRefusal(dir: DataDir): void {
  const refused = dir.lastErrors.find(({ error }) => FINAL.has(error.code))
  if (refused) throw new MaksError(refused.error.code, `${refused.unit} does not start: ${refused.error.message}`)
}

/** What keeps the cluster from being ready, as its router reports. */
async function lackingOf(settings: Settings, collections: readonly string[]): Promise<string | undefined> {
  const endpoint = endpointOf(settings)
  const headers: Record<string, string> = settings.apiKey === undefined ? {} : { 'api-key': settings.apiKey }
  const ready = await askHttp(`${endpoint}/readyz`, headers, ANSWER_MS)
  if (!ready) return 'the router does not answer'
  const { bytes } = ready
  if (!isOk(ready)) return bytes.toString()
  const listed = await askHttp(`${endpoint}/collections`, headers, ANSWER_MS)
  if (!isOk(listed)) return 'the router does not list its collections'
  const { result } = JSON.parse(listed.bytes.toString()) as { result: { collections: { name: string }[] } }
  const absent = collections.find((name) => !result.collections.some((other) => other.name === name))
  return absent === undefined ? undefined : `the router does not list the collection ${absent}`
}

async function unitsOf(dir: DataDir): Promise<UnitState[]> {
  return (await callSupervisor(dir, 'GET', '/units').catch(() => [])) as UnitState[]
}

function givenUp(dir: DataDir, lacking: string, units: readonly UnitState[]): MaksError {
  const names = units.flatMap(({ name, ready }) => (ready ? [] : [name]))
  const waiting = names.length === 0 ? '' : `; not ready: ${names.join(', ')}`
  return new MaksError(
    'BAD_REQUEST',
    `nothing has changed for ${PATIENCE_MS / 1000} s: ${lacking}${waiting}; the logs are in ${dir.path}/logs, "maksdb stop" stops the processes`,
  )
}

function failed(dir: DataDir, unit: string, what: string): MaksError {
  const file = dir.logFile(unit)
  const words = lastWords(file)
  return new MaksError('BAD_REQUEST', `${unit} ${what}${words === undefined ? '' : ` ("${words}")`}; see ${file}`)
}
