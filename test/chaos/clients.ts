/** Clients that never stop: they write, delete and read points that they share, and search for points of their own. */
import type { Random } from '../../core/random.ts'
import { seededRandom } from '../../core/random.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { TestCluster } from '../support/cluster.ts'
import type { History, Level, Outcome } from './history.ts'

export const DIMENSION = 16
/** Ids of one generation; a new one begins each half minute, so that no id has too many operations to judge. */
const GENERATION_IDS = 240
const GENERATION_MS = 30_000
/** Share of operations on ids of earlier generations: what is old must stay, too. */
const OLD_SHARE = 0.2
const PAUSE_MS = 24
const FAILED_PAUSE_MS = 50
/** Share of writes with an idempotency key, and of those that are sent again although they were acknowledged. */
const KEYED_SHARE = 0.4
const AGAIN_SHARE = 0.3
/** Share of writes that edit the payload of a point, if it is there, and of deletes that find it by a filter. */
const EDIT_SHARE = 0.3
const FILTER_SHARE = 0.3
/** Of a write of unknown outcome, where it has a key. */
const TRIES_MAX = 4
const RETRY_PAUSE_MS = 300
/** In the place of an HTTP status. */
const NOT_SENT = 1
const CUT_OFF = 2
const REQUEST_TIMEOUT_S = 10
/** Values of one client are so far from those of the next. */
const VALUES = 10_000_000

export interface Tally {
  acknowledged: number
  reads: number
  searches: number
  /** Writes of unknown outcome that were acknowledged when they were sent again under their key, and acknowledged ones. */
  resolved: number
  again: number
  refused: Map<string, number>
  /** Longest time without an acknowledged write, and without an answered read, of all clients together; ms. */
  writeGapMs: number
  readGapMs: number
}

export class Clients {
  readonly tally: Tally = {
    acknowledged: 0,
    reads: 0,
    searches: 0,
    resolved: 0,
    again: 0,
    refused: new Map(),
    writeGapMs: 0,
    readGapMs: 0,
  }
  readonly #cluster: TestCluster
  readonly #history: History
  readonly #count: number
  readonly #running: Promise<void>[]
  readonly #started = performance.now()
  #stopped = false
  #keys = 0
  #lastWrite = performance.now()
  #lastRead = performance.now()

  constructor(cluster: TestCluster, history: History, count: number, seed: number) {
    this.#cluster = cluster
    this.#history = history
    this.#count = count
    this.#running = Array.from({ length: count }, (_, client) => this.#run(client, seededRandom(seed * 1000 + client)))
  }

  get ids(): number {
    return (this.#generation + 1) * GENERATION_IDS
  }

  get #generation(): number {
    return Math.floor((performance.now() - this.#started) / GENERATION_MS)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#running)
  }

  async #run(client: number, random: Random): Promise<void> {
    /** What this client wrote last to its own ids, where it is known. */
    const own = new Map<number, number>()
    const session: Session = { token: '' }
    const acknowledged: Request[] = []
    for (let n = 1; !this.#stopped; n++) {
      const generation = random() < OLD_SHARE ? Math.floor(random() * (this.#generation + 1)) : this.#generation
      const place = Math.floor(random() * GENERATION_IDS)
      const id = generation * GENERATION_IDS + place
      const kind = random()
      // A third of the ids are written by one client alone.
      const owner = place % (3 * this.#count)
      const mine = owner === client
      const shared = owner >= this.#count
      const repeated = random() < AGAIN_SHARE * KEYED_SHARE ? acknowledged.shift() : undefined
      if (repeated) await this.#sendAgain(client, repeated)
      if (kind < 0.2) await this.#read(client, id, random() < 0.5 ? 'strong' : undefined)
      else if (kind < 0.3) await this.#read(client, id, 'session', session)
      else if (kind < 0.4 && own.size > 0) await this.#search(client, [...own].at(-1) as [number, number])
      else if (mine || shared) {
        const value = kind < 0.5 ? undefined : client * VALUES + n
        const keyed = random() < KEYED_SHARE
        const edits = random() < EDIT_SHARE
        const request = this.#request({ id, value, keyed, how: howOf(value, edits, keyed, random) }, session)
        const outcome = await this.#write(client, request, session)
        if (outcome === 'ok' && request.keyed) acknowledged.push(request)
        if (mine) own.delete(id)
        if (mine && value !== undefined && outcome === 'ok' && !edits) own.set(id, value)
      }
      await sleep(random() * PAUSE_MS)
    }
  }

  #request(
    { id, value, keyed, how }: Pick<Request, 'id' | 'value' | 'keyed'> & { how: How },
    session: Session,
  ): Request {
    const [method, route, body] = how(id, value ?? 0)
    const path = `points${route}?wait=true&timeout=${REQUEST_TIMEOUT_S}`
    const key: Record<string, string> = keyed ? { 'idempotency-key': `write-${this.#keys++}` } : {}
    const send = () => this.#send(method, path, body, { 'maksdb-token': session.token, ...key })
    return { id, value, keyed, version: undefined, send }
  }

  /** One try only, what a retry would hide is what is looked at here; with a key, until the outcome is known. */
  async #write(client: number, request: Request, session: Session): Promise<Outcome> {
    const { id, value, keyed, send } = request
    const call = this.#history.now()
    let answer = await send()
    let outcome = outcomeOf(answer.status)
    for (let left = keyed ? TRIES_MAX - 1 : 0; outcome === 'unknown' && left > 0; left--) {
      await sleep(RETRY_PAUSE_MS)
      answer = await send()
      // Refused now, it may still have been executed before.
      if (outcomeOf(answer.status) !== 'ok') continue
      outcome = 'ok'
      this.tally.resolved++
    }
    const version = outcome === 'ok' ? versionOf(answer.json) : undefined
    request.version = version
    this.#history.add({ kind: 'write', client, id, value, call, ret: this.#history.now(), outcome, version })
    if (outcome === 'ok') {
      session.token = (answer.json as WriteAnswer).maksdb?.token ?? session.token
      this.tally.acknowledged++
      this.tally.writeGapMs = Math.max(this.tally.writeGapMs, performance.now() - this.#lastWrite)
      this.#lastWrite = performance.now()
    } else {
      const status = ['', 'not sent', 'cut off'][answer.status] ?? String(answer.status)
      this.tally.refused.set(status, (this.tally.refused.get(status) ?? 0) + 1)
    }
    return outcome
  }

  /** A client that has not heard the answer, whatever has happened and was written meanwhile. */
  async #sendAgain(client: number, { id, value, version: first, send }: Request): Promise<void> {
    const call = this.#history.now()
    const answer = await send()
    if (answer.status !== 200) return
    const version = versionOf(answer.json)
    this.#history.add({ kind: 'again', client, id, value, call, ret: this.#history.now(), first, version })
    this.tally.again++
  }

  async #read(client: number, id: number, consistency?: 'strong' | 'session', session?: Session): Promise<void> {
    const call = this.#history.now()
    const answer = await this.#send(
      'POST',
      'points',
      { ids: [id], with_payload: true },
      {
        ...(consistency === undefined ? {} : { 'maksdb-consistency': consistency }),
        ...(session === undefined ? {} : { 'maksdb-token': session.token }),
      },
    )
    if (answer.status !== 200) return
    const { result, maksdb } = answer.json as { result: { payload: { n: number } }[]; maksdb: Report }
    const ret = this.#history.now()
    if (session) session.token = maksdb.token ?? session.token
    this.#history.add({ kind: 'read', client, id, value: result[0]?.payload.n, call, ret, level: levelOf(maksdb) })
    this.#noteRead()
    this.tally.reads++
  }

  /** A point is found by its own vector; nobody else writes it, so nothing can have taken its place meanwhile. */
  async #search(client: number, [id, value]: [number, number]): Promise<void> {
    const call = this.#history.now()
    const answer = await this.#send('POST', 'points/query', {
      query: vectorOf(id, value),
      limit: 1,
      with_payload: true,
      params: { exact: true },
    })
    if (answer.status !== 200) return
    const { result, maksdb } = answer.json as {
      result: { points: { id: number; payload: { n: number } }[] }
      maksdb: Report
    }
    const [hit] = result.points
    const level = levelOf(maksdb) === 'eventual' ? 'eventual' : 'acknowledged'
    const found = hit?.id === id ? hit.payload.n : undefined
    this.#history.add({ kind: 'read', client, id, value: found, call, ret: this.#history.now(), level })
    this.#noteRead()
    this.tally.searches++
  }

  #noteRead(): void {
    this.tally.readGapMs = Math.max(this.tally.readGapMs, performance.now() - this.#lastRead)
    this.#lastRead = performance.now()
  }

  async #send(method: string, path: string, body: unknown, headers: Record<string, string> = {}) {
    try {
      const response = await fetch(`${this.#cluster.url}/collections/${this.#cluster.name}/${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      })
      return { status: response.status, json: await response.json() }
    } catch (error) {
      await sleep(FAILED_PAUSE_MS)
      // A connection that was never made carried nothing.
      const { code } = ((error as Error).cause ?? {}) as { code?: string }
      return { status: code === 'ECONNREFUSED' ? NOT_SENT : CUT_OFF, json: undefined }
    }
  }
}

/** How a value is written, or a point deleted. */
type How = (id: number, value: number) => [method: string, route: string, body: unknown]

const UPSERT: How = (id, value) => ['PUT', '', { points: [{ id, vector: vectorOf(id, value), payload: { n: value } }] }]
const DELETE: How = (id) => ['POST', '/delete', { points: [id] }]
const DELETE_BY_FILTER: How = (id) => ['POST', '/delete', { filter: { must: [{ has_id: [id] }] } }]
const EDITS: How[] = [
  (id, value) => ['POST', '/payload', { points: [id], payload: { n: value } }],
  (id, value) => ['PUT', '/payload', { points: [id], payload: { n: value } }],
  (id, value) => ['POST', '/batch', { operations: [{ set_payload: { points: [id], payload: { n: value } } }] }],
]

function howOf(value: number | undefined, edits: boolean, keyed: boolean, random: Random): How {
  if (value === undefined) return !keyed && random() < FILTER_SHARE ? DELETE_BY_FILTER : DELETE
  return edits ? (EDITS[Math.floor(random() * EDITS.length)] as How) : UPSERT
}

interface Request {
  id: number
  value: number | undefined
  /** Under an idempotency key. */
  keyed: boolean
  /** As which it was acknowledged. */
  version: number | undefined
  send: () => Promise<{ status: number; json: unknown }>
}

/** What a client has seen, as the last answer named it. */
interface Session {
  token: string
}

interface WriteAnswer {
  result: { operation_id: number } | { operation_id: number }[]
  /** Absent where a delete found nothing, and Redis was away when the state was asked for in which it was so. */
  maksdb?: { token: string }
}

interface Report {
  consistency: 'strong' | 'session' | 'primary' | 'eventual'
  token?: string
}

/** A delete of what is not there makes no version. */
function versionOf(answer: unknown): number | undefined {
  const { result } = answer as WriteAnswer
  return (Array.isArray(result) ? result[0] : result)?.operation_id || undefined
}

function levelOf({ consistency }: Report): Level {
  return consistency === 'primary' ? 'acknowledged' : consistency
}

/** 4xx and 503 say that nothing was done; 504, 500 and a connection that broke say nothing. */
function outcomeOf(status: number): Outcome {
  if (status === 200) return 'ok'
  return status === 503 || status === 507 || status === NOT_SENT || (status >= 400 && status < 500)
    ? 'refused'
    : 'unknown'
}

/** Near one of five centres, and like no other. */
function vectorOf(id: number, value: number): number[] {
  const random = seededRandom(id * 31 + value * 7919)
  return Array.from({ length: DIMENSION }, (_, i) => 4 * Math.cos(((id + value) % 5) * (i + 1)) + random())
}
