/** The same searches by other programs that compare every row, each driven by a script in Python of its own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonWith } from '../../test/compat/python-environment.ts'
import type { DataSet } from '../data/data-set.ts'
import { type Case, type Payload, SCHEMAS } from './cases.ts'
import { postgres } from './postgres.ts'

const here = fileURLToPath(new URL('./', import.meta.url))
/** Of a peer with all its searches: one that hangs leaves the rest. */
const PEER_TIMEOUT_MS = 20 * 60_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

/** Of a case: milliseconds of each search without and with the filter, and the ids that the first ones found. */
export interface Times {
  plain: number[]
  filtered: number[]
  answers: number[][]
}

export interface PeerTimes {
  /** Its name, version and settings. */
  about: string
  cases: Times[]
}

export interface Asked {
  limit: number
  searches: number
  warmUp: number
  checked: number
}

type Missing = { missing: string }

/** How a peer is made ready; `address` is passed to its script. */
type Ready = { address: string; stop: () => void }

const PEERS = {
  'qdrant-edge': {
    script: 'qdrant_edge_peer.py',
    ready: (): Ready | Missing => ({ address: '', stop: () => undefined }),
  },
  pgvector: { script: 'pgvector_peer.py', ready: postgres },
}

export type PeerName = keyof typeof PEERS

/** Throws if there is no peer of the name. */
export function peerNames(names: readonly string[]): PeerName[] {
  const unknown = names.filter((name) => !(name in PEERS))
  if (unknown.length > 0) throw new Error(`no peer ${unknown.join()}: ${Object.keys(PEERS).join()}`)
  return names as PeerName[]
}

export function measuredByPeer(
  name: PeerName,
  set: DataSet,
  all: readonly Payload[],
  each: readonly Case[],
  asked: Asked,
): PeerTimes | Missing {
  const python = pythonWith('peers', here)
  if ('missing' in python) return python
  const { script, ready } = PEERS[name]
  const folder = mkdtempSync(join(tmpdir(), 'maksdb-peer-'))
  let server: Ready | undefined
  try {
    const made = ready()
    if ('missing' in made) return made
    server = made
    writeWork(folder, set, all, { ...asked, address: made.address, cases: each.map(({ json }) => json) })
    const ran = spawnSync(python.path, [join(here, script), folder], {
      encoding: 'utf8',
      timeout: PEER_TIMEOUT_MS,
      maxBuffer: OUTPUT_BYTES_MAX,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if (ran.status !== 0) return { missing: ran.stderr.trim().split('\n').at(-1) || String(ran.error ?? ran.signal) }
    return JSON.parse(ran.stdout) as PeerTimes
  } finally {
    server?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** As `peer_work.py` reads it. */
function writeWork(folder: string, set: DataSet, all: readonly Payload[], work: object): void {
  const { rows, dimension, vectors, queries } = set
  writeFileSync(join(folder, 'work.json'), JSON.stringify({ ...work, rows, dimension, schemas: SCHEMAS }))
  writeFileSync(join(folder, 'vectors.f32'), new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength))
  writeFileSync(join(folder, 'queries.f32'), new Uint8Array(queries.buffer, queries.byteOffset, queries.byteLength))
  writeFileSync(join(folder, 'payloads.jsonl'), all.map((payload) => `${JSON.stringify(payload)}\n`).join(''))
}
