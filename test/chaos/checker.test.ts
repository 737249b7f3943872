/** The judges are judged: each kind of fault, put into a sound history by hand, must be found by both. Porcupine needs Go. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { check } from './checker.ts'
import type { Entry, Level, Outcome } from './history.ts'
import { hasGo, judge } from './judge.ts'

const go = hasGo()
const porcupineOf = async (entries: readonly Entry[]) =>
  (await judge(entries, mkdtempSync(join(tmpdir(), 'maksdb-judge-')))).porcupine

const write = (
  value: number | undefined,
  call: number,
  ret: number,
  version?: number,
  outcome: Outcome = 'ok',
): Entry => ({ kind: 'write', client: 1, id: 7, value, call, ret, version, outcome })
const read = (value: number | undefined, call: number, ret: number, level: Level = 'strong'): Entry => ({
  kind: 'read',
  client: 2,
  id: 7,
  value,
  call,
  ret,
  level,
})

const SOUND: [string, Entry[]][] = [
  ['a read of what was written', [write(1, 0, 10, 1), read(1, 11, 12)]],
  ['a read during a write sees either', [write(1, 0, 10, 1), write(2, 20, 40, 2), read(1, 25, 26), read(2, 27, 30)]],
  [
    'an unknown write may show late',
    [write(1, 0, 10, 1), write(2, 20, 30, undefined, 'unknown'), read(1, 50, 60), read(2, 70, 80)],
  ],
  ['or never', [write(1, 0, 10, 1), write(2, 20, 30, undefined, 'unknown'), read(1, 50, 60), read(1, 70, 80)]],
  [
    'an unknown delete may explain absence',
    [write(1, 0, 10, 1), write(undefined, 20, 30, undefined, 'unknown'), read(undefined, 50, 60)],
  ],
  ['a deleted point is absent', [write(1, 0, 10, 1), write(undefined, 20, 30, 2), read(undefined, 40, 50)]],
  ['a delete of nothing', [write(undefined, 0, 5), read(undefined, 6, 7), write(1, 8, 9, 1), read(1, 10, 11)]],
  ['a refused write is not there', [write(1, 0, 10, 1), write(2, 20, 30, undefined, 'refused'), read(1, 40, 50)]],
]

const BROKEN: [string, string, Entry[]][] = [
  ['an acknowledged write that is gone', 'lost', [write(1, 0, 10, 1), read(undefined, 20, 30)]],
  ['a write that was overtaken by an older one', 'stale', [write(1, 0, 10, 1), write(2, 20, 30, 2), read(1, 40, 50)]],
  ['a deleted point that is back', 'resurrected', [write(1, 0, 10, 1), write(undefined, 20, 30, 2), read(1, 40, 50)]],
  ['a number that nobody wrote', 'invented', [write(1, 0, 10, 1), read(9, 40, 50)]],
  ['a number before it was written', 'invented', [read(1, 0, 5), write(1, 10, 20, 1)]],
  ['a write that was refused and done', 'refused but done', [write(1, 0, 10, undefined, 'refused'), read(1, 20, 30)]],
  ['a read that goes back', 'stale', [write(1, 0, 10, 1), write(2, 5, 100, 2), read(2, 20, 30), read(1, 40, 50)]],
]

describe('the judges', () => {
  it.each(SOUND)('ours accepts %s', (_, entries) => {
    expect(check(entries)).toEqual([])
  })

  it.each(BROKEN)('ours finds %s', (_, fault, entries) => {
    expect(check(entries).map((one) => one.fault)).toContain(fault)
  })

  it.skipIf(!go).each(SOUND)('Porcupine accepts %s', async (_, entries) => {
    expect(await porcupineOf(entries)).toMatchObject({ illegal: [], undecided: [] })
  })

  it.skipIf(!go).each(BROKEN)('Porcupine finds %s', async (_, _fault, entries) => {
    expect(await porcupineOf(entries)).toMatchObject({ illegal: [7] })
  })

  it('hold reads to what their level promises', () => {
    const writes = [write(1, 0, 10, 1), write(2, 20, 30, 2)]
    expect(check([...writes, read(1, 40, 50, 'acknowledged')])).toMatchObject([{ fault: 'stale' }])
    expect(check([...writes, read(1, 40, 50, 'eventual')])).toEqual([])
    expect(check([...writes, read(3, 40, 50, 'eventual')])).toMatchObject([{ fault: 'invented' }])
    // A default read may miss a point while it is being overwritten, and not a moment longer; a strong one never.
    const overwritten = [write(1, 0, 10, 1), write(2, 40, 50, 2)]
    expect(check([...overwritten, read(undefined, 45, 48, 'acknowledged')])).toEqual([])
    expect(check([...overwritten, read(undefined, 55, 58, 'acknowledged')])).toMatchObject([{ fault: 'lost' }])
    expect(check([...overwritten, read(undefined, 45, 48, 'strong')])).toMatchObject([{ fault: 'lost' }])
    // Client 2 reads, client 1 has written: another session may lag, but not go back, nor miss what it wrote itself.
    expect(check([...writes, read(1, 40, 50, 'session')])).toEqual([])
    expect(check([...writes, read(2, 40, 50, 'session'), read(1, 60, 70, 'session')])).toMatchObject([
      { fault: 'stale' },
    ])
    expect(check([...writes, { ...read(1, 40, 50, 'session'), client: 1 }])).toMatchObject([{ fault: 'stale' }])
    expect(check([...writes, { ...read(undefined, 40, 50, 'session'), client: 1 }])).toMatchObject([{ fault: 'lost' }])
  })

  it('find versions that run against time, and those given twice', () => {
    expect(check([write(1, 0, 10, 5), write(2, 20, 30, 4)])).toMatchObject([{ fault: 'misordered' }])
    expect(check([write(1, 0, 100, 1), write(2, 0, 100, 2), read(2, 10, 20), read(1, 30, 40)])).toMatchObject([
      { fault: 'stale' },
    ])
    expect(check([write(1, 0, 10, 5), write(2, 5, 30, 5)])).toMatchObject([{ fault: 'misordered' }])
  })

  it('find a request that was executed again under its idempotency key', () => {
    const again = (first: number | undefined, version: number | undefined): Entry => {
      return { kind: 'again', client: 1, id: 7, value: 1, call: 50, ret: 60, first, version }
    }
    const between = [write(1, 0, 10, 5), write(2, 20, 30, 6)]
    expect(check([...between, again(5, 5)])).toEqual([])
    expect(check([...between, again(5, 7)])).toMatchObject([{ fault: 'repeated' }])
    expect(check([...between, again(undefined, 7)])).toMatchObject([{ fault: 'repeated' }])
  })

  it.skipIf(!go)('accept random histories of a sound register, and find the same with one answer changed', async () => {
    let broken = 0
    let ours = 0
    for (let seed = 1; seed <= 40; seed++) {
      const entries = soundHistory(seed)
      const folder = mkdtempSync(join(tmpdir(), 'maksdb-judge-'))
      expect(await judge(entries, folder)).toMatchObject({ violations: [], porcupine: { illegal: [] } })
      const at = entries.findLastIndex((entry) => entry.kind === 'read' && entry.value !== undefined)
      const changed = entries.map((entry, i) => (i === at ? { ...entry, value: undefined } : entry))
      const { violations, porcupine } = await judge(changed, folder)
      const illegal = typeof porcupine !== 'string' && porcupine.illegal.length > 0
      if (illegal) broken++
      if (illegal && violations.length > 0) ours++
    }
    // Porcupine searches every order; ours follows the versions, and lets deletes that found nothing explain more.
    expect(broken).toBeGreaterThan(10)
    expect(ours / broken).toBeGreaterThan(0.8)
  })
})

/** Four clients of a register that is right: each operation takes effect somewhere between its call and its return. */
function soundHistory(seed: number): Entry[] {
  const random = seededRandom(seed)
  const plans = Array.from({ length: 60 }, (_, i) => {
    const call = Math.floor(random() * 1000)
    const effect = call + 1 + Math.floor(random() * 20)
    return { i, call, effect: effect + i / 100, ret: effect + 2 + Math.floor(random() * 20), kind: random() }
  }).sort((a, b) => a.effect - b.effect)
  let value: number | undefined
  let version = 0
  return plans.map(({ i, call, ret, kind }): Entry => {
    if (kind < 0.5) return read(value, call, ret)
    if (kind < 0.6) {
      const present = value !== undefined
      value = undefined
      return write(undefined, call, ret, present ? ++version : undefined)
    }
    value = i
    return write(i, call, ret, ++version)
  })
}
