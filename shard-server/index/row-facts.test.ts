/** Histories of a few ids over three cells, each cell's copy cut off at any point: what a repair makes of what is left. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type IdKey, idKey } from '../../core/ids.ts'
import { coveredBy } from '../../core/log/coverage.ts'
import { ORIGIN } from '../../core/log/position.ts'
import { type DirectoryEntry, resolveId } from '../../core/log/repair.ts'
import { seededRandom } from '../../core/random.ts'
import { decodeRow, encodeRow } from '../../core/row-codec.ts'
import { DIRECTORY_BUCKETS } from '../../protocol/keys.ts'
import { type AppliedEntry, CellState } from './cell-state.ts'
import { addFacts, facts, heldRows, type KnownOfId } from './row-facts.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-repair-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const CELLS = [0, 1, 2]
const IDS = [1, 2, 3].map(idKey)

interface Entry {
  type: 'U' | 'P' | 'T' | 'R'
  version: number
  userVersion: number
  key: IdKey
  flag: string
  payload: string
}

interface UserOperation {
  key: IdKey
  version: number
  deletes: boolean
  /** Cell and length of its log with the operation. */
  places: [cell: number, length: number][]
}

type Held = { owner: number | null; copy: number | null; source: number | null; userVersion: number; version: number }

/** What commit-batch.lua does, for one id at a time. */
class History {
  readonly logs: Entry[][] = CELLS.map(() => [])
  readonly operations: UserOperation[] = []
  readonly #random: () => number
  readonly #directory = new Map<IdKey, Held>()
  #version = 0

  constructor(random: () => number) {
    this.#random = random
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T
  }

  step(): void {
    const key = this.#pick(IDS)
    const now = this.#directory.get(key) ?? { owner: null, copy: null, source: null, userVersion: 0, version: 0 }
    const chance = this.#random()
    const owner = this.#pick(CELLS)
    const other = this.#pick([null, ...CELLS.filter((cell) => cell !== owner)])
    const version = ++this.#version
    if (chance < 0.4) this.#place(key, now, { owner, copy: other, source: null, userVersion: version, version }, true)
    else if (chance < 0.55 && now.owner !== null)
      this.#place(key, now, { owner: null, copy: null, source: null, userVersion: version, version }, true)
    else if (chance < 0.8 && now.owner !== null && now.owner !== owner)
      this.#place(key, now, { ...now, owner, copy: null, source: now.owner, version }, false)
    else if (chance > 0.9 && now.owner !== null) this.#edit(key, now, version)
    else if (now.source !== null) {
      const flag = String(now.owner)
      this.#append(now.source, { type: 'T', version, userVersion: now.userVersion, key, flag, payload: '' })
      this.#directory.set(key, { ...now, source: null })
    }
  }

  /** Another payload, in every cell that holds the id. */
  #edit(key: IdKey, old: Held, version: number): void {
    const payload = JSON.stringify({ key, userVersion: version })
    const places: [number, number][] = []
    for (const [cell, flag] of [
      [old.owner, 'o'],
      [old.copy, 'c'],
      [old.source, 'l'],
    ] as const) {
      if (cell === null) continue
      this.#append(cell, { type: 'P', version, userVersion: version, key, flag: `${flag}${old.version}`, payload })
      places.push([cell, this.logs[cell]?.length ?? 0])
    }
    this.#directory.set(key, { ...old, userVersion: version, version })
    this.operations.push({ key, version, deletes: false, places })
  }

  #append(cell: number, entry: Entry): void {
    this.logs[cell]?.push(entry)
  }

  #place(key: IdKey, old: Held, next: Held, byUser: boolean): void {
    const { version, userVersion } = next
    const places = new Map<number, string>()
    for (const [cell, flag] of [
      [next.owner, 'o'],
      [next.copy, 'c'],
      [next.source, 'l'],
    ] as const)
      if (cell !== null) places.set(cell, flag)
    const payload = JSON.stringify({ key, userVersion })
    for (const [cell, flag] of places) this.#append(cell, { type: 'U', version, userVersion, key, flag, payload })
    for (const cell of [old.owner, old.copy, old.source]) {
      if (cell === null || places.has(cell)) continue
      places.set(cell, '')
      const flag = next.owner === null ? '' : String(next.owner)
      this.#append(cell, { type: 'T', version, userVersion, key, flag, payload: '' })
    }
    this.#directory.set(key, next)
    if (!byUser) return
    const lengths = [...places.keys()].map((cell): [number, number] => [cell, this.logs[cell]?.length ?? 0])
    this.operations.push({ key, version, deletes: next.owner === null, places: lengths })
  }
}

function applyAll(state: CellState, entries: readonly Entry[]): void {
  for (const { payload, ...entry } of entries) {
    const bytes =
      entry.type === 'U'
        ? encodeRow({ vector: Float32Array.of(entry.userVersion, 1), payload })
        : Buffer.from(entry.type === 'P' ? payload : '')
    const applied: AppliedEntry = { ...entry, idempotency: '', rowStart: 0, rowEnd: bytes.length }
    state.apply([applied], bytes, state.tip)
  }
}

/** A history, and how much of each cell's log is left. */
function drawn(random: () => number): { history: History; lengths: number[] } {
  const history = new History(random)
  for (let i = 0; i < 14; i++) history.step()
  return { history, lengths: history.logs.map((log) => Math.max(0, log.length - Math.floor(random() * 5))) }
}

/** The copies of all cells, each after a part of its log. */
function copiesOf(history: History, lengths: readonly number[]): CellState[] {
  return CELLS.map((cell) => {
    const shape = {
      owner: `test/${cell}`,
      dimension: 2,
      metric: 'L2' as const,
      vectors: { '': { size: 2, metric: 'L2' as const } },
      scratchDir: folder,
    }
    const state = new CellState(shape, { position: ORIGIN, hash: '' })
    applyAll(state, history.logs[cell]?.slice(0, lengths[cell]) ?? [])
    return state
  })
}

/** Judges every id and applies the fixes to the copies, as the scripts do it. Returns what was appended to each log, too. */
function repair(states: readonly CellState[]): { directory: Map<IdKey, DirectoryEntry>; appended: Entry[][] } {
  const heard = states.map(({ version, holes }) => ({ version, holes }))
  const appended: Entry[][] = states.map(() => [])
  const append = (cell: number, entry: Entry) => {
    appended[cell]?.push(entry)
    applyAll(states[cell] as CellState, [entry])
  }
  const ids = new Map<IdKey, KnownOfId>()
  states.forEach((state, cell) => addFacts(ids, cell, facts(state, 0, DIRECTORY_BUCKETS)))
  const directory = new Map<IdKey, DirectoryEntry>()
  let version = Math.max(...heard.map((one) => one.version)) + 1000
  for (const cell of CELLS)
    append(cell, { type: 'R', version, userVersion: 0, key: '' as IdKey, flag: '', payload: '' })
  for (const [key, { rows, tombstones }] of ids) {
    const { value, fixes, lost } = resolveId(key, rows, tombstones, coveredBy(heard))
    expect(lost).toBe(false)
    if (value) directory.set(key, value)
    for (const { cell, type, flag, userVersion = 0, evicted } of fixes) {
      const state = states[cell] as CellState
      const payload = type === 'U' ? decodeRow(heldRows(state, [{ key, evicted }])[0] as Uint8Array, 2).payload : ''
      append(cell, { type, version: ++version, userVersion, key, flag, payload })
      if (type === 'U' && value) value.version = version
    }
  }
  return { directory, appended }
}

/** The cells that hold the id, with what they are to it. */
function holders(states: readonly CellState[], key: IdKey) {
  return states.flatMap(({ rows }, cell) => {
    const row = rows.liveRow(key)
    return row === undefined ? [] : [{ cell, ...rows.at(row) }]
  })
}

function expectSound(
  history: History,
  lengths: readonly number[],
  states: readonly CellState[],
  why: string,
): Entry[][] {
  const { directory, appended } = repair(states)
  for (const key of IDS) {
    const held = holders(states, key)
    const value = directory.get(key)
    const listed = value ? [value.owner, value.spill, value.source].filter((cell) => cell !== null) : []
    expect(
      held.map(({ cell }) => cell),
      why,
    ).toEqual(listed.toSorted((a, b) => a - b))
    if (value) {
      expect(new Set(held.map(({ born, payload }) => `${born} ${payload}`)).size, why).toBe(1)
      const owner = held.find(({ cell }) => cell === value.owner)
      expect([owner?.flag, owner?.born, owner?.payload], why).toEqual([
        'o',
        value.version,
        JSON.stringify({ key, userVersion: value.userVersion }),
      ])
    }
    // Whatever all its cells hold was perhaps acknowledged: it is there, or something newer is.
    const operations = history.operations.filter((operation) => operation.key === key)
    const surely = operations.findLast(({ places }) => places.every(([cell, length]) => length <= (lengths[cell] ?? 0)))
    if (!surely) continue
    if (value) expect(value.userVersion, why).toBeGreaterThanOrEqual(surely.version)
    else
      expect(
        operations.some(({ deletes, version }) => deletes && version >= surely.version),
        why,
      ).toBe(true)
  }
  return appended
}

describe('a repair from copies that stop anywhere', () => {
  it('leaves each id in one state, in the cells that the directory names, and loses nothing that all its cells held', () => {
    for (let seed = 0; seed < 400; seed++) {
      const { history, lengths } = drawn(seededRandom(seed))
      expectSound(history, lengths, copiesOf(history, lengths), `seed ${seed}, cut at ${lengths.join(', ')}`)
    }
  })

  it('may be repeated after a second loss', () => {
    for (let seed = 1000; seed < 1200; seed++) {
      const { history, lengths } = drawn(seededRandom(seed))
      const states = copiesOf(history, lengths)
      const first = repair(states)
      expect(repair(states).directory, `seed ${seed}`).toEqual(first.directory)
    }
  })

  it('may lose any part of what it appended, in any log, and is begun anew', () => {
    for (let seed = 2000; seed < 2600; seed++) {
      const random = seededRandom(seed)
      const { history, lengths } = drawn(random)
      let kept: Entry[][] = CELLS.map(() => [])
      for (let round = 0; round < 4; round++) {
        const states = copiesOf(history, lengths)
        states.forEach((state, cell) => applyAll(state, kept[cell] as Entry[]))
        const appended = expectSound(history, lengths, states, `seed ${seed}, round ${round}`)
        kept = kept.map((entries, cell) => {
          const all = [...entries, ...(appended[cell] as Entry[])]
          return all.slice(0, Math.floor(random() * (all.length + 1)))
        })
      }
    }
  })
})
