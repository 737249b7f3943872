import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { idKey } from '../../core/ids.ts'
import { drop, edit, LogHarness, move, type PlayedPod, remove, row, upsert } from '../support/log-harness.ts'
import { TestRedis } from '../support/redis.ts'

let redis: TestRedis
beforeAll(async () => {
  redis = await TestRedis.start()
})
afterAll(() => redis.close())

const ID = 1
const KEY = idKey(ID)

async function fresh(): Promise<{ h: LogHarness; pods: PlayedPod[] }> {
  const h = new LogHarness(redis.client, 3)
  await h.create()
  return { h, pods: [await h.lead(0), await h.lead(1), await h.lead(2)] }
}

/** L6 and L7: the holders in the directory are exactly the cells whose fold has the row, and one of them owns it. */
async function checkPlacement(h: LogHarness): Promise<void> {
  const entry = await h.directory(KEY)
  const rows = await Promise.all([0, 1, 2].map(async (cell) => (await h.fold(cell)).get(KEY)))
  const holders =
    entry === undefined || entry.owner === '-'
      ? []
      : [entry.owner, entry.copy, entry.source].filter((cell) => cell !== '').map(Number)
  expect(rows.flatMap((found, cell) => (found ? [cell] : []))).toEqual(holders.toSorted((a, b) => a - b))
  const owners = rows.flatMap((found, cell) => (found?.flag === 'o' ? [cell] : []))
  expect(owners).toEqual(holders.length === 0 ? [] : [Number(entry?.owner)])
  // All holders hold the same row.
  expect(
    new Set(rows.filter((found) => found !== undefined).map(({ payload, userVersion }) => `${payload}/${userVersion}`))
      .size,
  ).toBeLessThanOrEqual(1)
}

/** What the rebalancer of cell 0 does next, from what its own fold shows: the walk of a new primary after a crash. */
async function scanStep(h: LogHarness, rebalancer: PlayedPod, target: number): Promise<boolean> {
  const found = (await h.fold(0)).get(KEY)
  if (!found) return false
  if (found.flag === 'l') await h.commit(rebalancer, [drop(ID, found.version)])
  else if (found.flag === 'o') await h.commit(rebalancer, [move(ID, target, found.version, found.payload)])
  else return false
  return true
}

type Step =
  | 'scan'
  | 'overwrite here'
  | 'overwrite in its cell'
  | 'overwrite elsewhere'
  | 'delete'
  | 'edit'
  | 'overwrite with a copy'
  | 'new rebalancer'

/** All orders of steps in which the steps of each actor keep their order. */
function* interleavings(actors: Step[][]): Generator<Step[]> {
  if (actors.every((actor) => actor.length === 0)) {
    yield []
    return
  }
  for (const [i, actor] of actors.entries()) {
    const [first, ...rest] = actor
    if (first === undefined) continue
    for (const tail of interleavings(actors.with(i, rest))) yield [first, ...tail]
  }
}

async function play(steps: readonly Step[]): Promise<void> {
  const { h, pods } = await fresh()
  const [source, target, other] = pods as [PlayedPod, PlayedPod, PlayedPod]
  let rebalancer = source
  let last: string | undefined = 'start'
  await h.commit(source, [upsert(ID, 0, '"start"')])
  for (const [i, step] of steps.entries()) {
    const payload = `"${i}"`
    if (step === 'scan') await scanStep(h, rebalancer, 1)
    if (step === 'new rebalancer') {
      await redis.client.del(h.cell(0).keys.lease(0))
      rebalancer = await h.lead(0, '0/1')
    }
    const writer = {
      'overwrite here': rebalancer,
      'overwrite in its cell': target,
      'overwrite elsewhere': other,
      'overwrite with a copy': target,
    }[step as string]
    if (writer) {
      const cell = writer.log.scope.cell
      const extra = step === 'overwrite with a copy' ? { copy: 2 } : {}
      expect((await h.commit(writer, [upsert(ID, cell, payload, extra)])).code).toBe('OK')
      last = payload
    }
    if (step === 'edit') {
      const { outcome } = await h.commit(other, [edit(ID, payload)])
      expect(outcome?.results[0]?.outcome).toBe(last === undefined ? 'absent' : 'applied')
      if (last !== undefined) last = payload
    }
    if (step === 'delete') {
      expect((await h.commit(other, [remove(ID)])).code).toBe('OK')
      last = undefined
    }
    await checkPlacement(h)
  }
  // Whatever the last step was, a migration scan that goes on settles it, and no update is lost.
  let walks = 0
  while (await scanStep(h, rebalancer, 1)) expect(++walks).toBeLessThan(5)
  await checkPlacement(h)
  const entry = await h.directory(KEY)
  expect(entry?.owner === '-').toBe(last === undefined)
  if (last !== undefined) {
    const owner = (await h.fold(Number(entry?.owner))).get(KEY)
    expect(owner?.payload).toBe(last === 'start' ? '"start"' : last)
  }
}

describe('moving an id between three cells', () => {
  const cases: [string, Step[][]][] = [
    ['a migration scan and an overwrite in the source', [['scan', 'scan'], ['overwrite here']]],
    ['a migration scan and an overwrite in the target', [['scan', 'scan'], ['overwrite in its cell']]],
    ['a migration scan, an overwrite elsewhere and a delete', [['scan', 'scan'], ['overwrite elsewhere'], ['delete']]],
    [
      'a migration scan, two overwrites and a delete',
      [['scan', 'scan'], ['overwrite in its cell', 'overwrite here'], ['delete']],
    ],
    [
      'a migration scan, a copy and an overwrite',
      [
        ['scan', 'scan'],
        ['overwrite with a copy', 'overwrite elsewhere'],
      ],
    ],
    [
      'a rebalancer that dies between its steps, and writers',
      [
        ['scan', 'new rebalancer', 'scan'],
        ['overwrite elsewhere', 'overwrite here'],
      ],
    ],
    ['a migration scan, two edits and an overwrite', [['scan', 'scan'], ['edit', 'edit'], ['overwrite with a copy']]],
    ['a migration scan, an edit and a delete', [['scan', 'scan'], ['edit'], ['delete', 'overwrite here']]],
    [
      'a delete and a new write of the id while a migration scan goes on',
      [['scan', 'scan'], ['delete', 'overwrite here'], ['overwrite with a copy']],
    ],
  ]
  it.each(cases)(
    '%s: in every order, after every step, the id is in exactly its holders, and no update is lost',
    async (_title, actors) => {
      let played = 0
      for (const steps of interleavings(actors)) {
        // A crash after each step is each prefix; the settling walk at the end of play() is the recovery.
        for (let crash = 1; crash <= steps.length; crash++) await play(steps.slice(0, crash))
        played++
      }
      expect(played).toBeGreaterThan(2)
    },
  )
})

describe('the commit script', () => {
  it('refuses a move of a row that was written since, and only that operation', async () => {
    const { h, pods } = await fresh()
    const [source] = pods as [PlayedPod]
    await h.commit(source, [upsert(1, 0, '"a"'), upsert(2, 0, '"b"')])
    await h.commit(source, [upsert(1, 0, '"c"')])
    const { outcome } = await h.commit(source, [move(1, 1, 1, '"a"'), move(2, 1, 2, '"b"')])
    expect(outcome?.results.map((result) => result.outcome)).toEqual(['conflict', 'applied'])
    expect((await h.fold(0)).get(idKey(1))?.payload).toBe('"c"')
  })

  it('edits a payload in every cell that holds the id, if the point has the version that is named', async () => {
    const { h, pods } = await fresh()
    const [, , elsewhere] = pods as [PlayedPod, PlayedPod, PlayedPod]
    await h.commit(pods[0] as PlayedPod, [upsert(1, 0, '"a"', { copy: 1 })])
    const before = await h.dump()
    const refused = await h.commit(elsewhere, [edit(1, '"no"', 'v9'), edit(2, '"no"'), edit(2, '"no"', 'v0')])
    expect(refused.outcome?.results).toEqual([
      { outcome: 'conflict', version: 1 },
      { outcome: 'absent' },
      { outcome: 'absent' },
    ])
    const { outcome } = await h.commit(elsewhere, [edit(1, '"b"', 'v1')])
    expect(outcome?.results).toEqual([{ outcome: 'applied', version: 2, ordering: 2, touched: [0, 1] }])
    expect(Object.keys(await h.dump())).toEqual(Object.keys(before))
    for (const [cell, flag] of ['o', 'c'].entries())
      expect((await h.fold(cell)).get(KEY)).toEqual({ flag, version: 2, userVersion: 2, payload: '"b"' })
    const last = (await h.entries(1)).at(-1)
    expect([last?.type, last?.flag, last?.row.toString()]).toEqual(['P', 'c1', '"b"'])
  })

  it('keeps the user version of a moved row and gives it a new ordering version', async () => {
    const { h, pods } = await fresh()
    const [source] = pods as [PlayedPod]
    await h.commit(source, [upsert(1, 0, '"a"')])
    await h.commit(source, [move(1, 1, 1, '"a"')])
    expect((await h.fold(1)).get(idKey(1))).toMatchObject({ userVersion: 1, version: 2, flag: 'o' })
  })

  it('leaves a moved row in its former cell as a source row, until another operation drops it there (L9)', async () => {
    const { h, pods } = await fresh()
    const [source] = pods as [PlayedPod]
    await h.commit(source, [upsert(1, 0, '"a"')])
    await h.commit(source, [move(1, 1, 1, '"a"')])
    expect((await h.fold(0)).get(KEY)).toMatchObject({ flag: 'l', version: 2, payload: '"a"' })
    expect((await h.fold(1)).get(KEY)).toMatchObject({ flag: 'o', version: 2, payload: '"a"' })
    expect(await h.directory(KEY)).toMatchObject({ owner: '1', source: '0' })
    await h.commit(source, [drop(1, 2)])
    expect((await h.fold(0)).has(KEY)).toBe(false)
    expect((await h.fold(1)).get(KEY)).toMatchObject({ flag: 'o', version: 2 })
    expect(await h.directory(KEY)).toMatchObject({ owner: '1', source: '' })
  })

  it('refuses an operation that was routed by other centroids, and only that one', async () => {
    const { h, pods } = await fresh()
    const [source] = pods as [PlayedPod]
    expect((await source.log.publish(redis.client, source.lead, 0, Buffer.alloc(24))).slice(0, 2)).toEqual(['OK', '1'])
    const { outcome } = await h.commit(source, [upsert(1, 0, '"a"'), upsert(2, 0, '"b"', { centroidVersion: 1 })])
    expect(outcome?.results.map((result) => result.outcome)).toEqual(['stale-topology', 'applied'])
  })

  it('changes the centroids once, in all logs at once', async () => {
    const { h, pods } = await fresh()
    const [source, target] = pods as [PlayedPod, PlayedPod]
    expect((await source.log.publish(redis.client, source.lead, 0, Buffer.alloc(24)))[0]).toBe('OK')
    expect((await source.log.publish(redis.client, source.lead, 0, Buffer.alloc(24))).slice(0, 2)).toEqual([
      'CONFLICT',
      '1',
    ])
    expect((await source.log.publish(redis.client, target.lead, 1, Buffer.alloc(24)))[0]).toBe('FENCED')
    for (const cell of [0, 1, 2]) expect((await h.entries(cell)).filter(({ type }) => type === 'C')).toHaveLength(1)
  })

  it('never lets the copies pass the bound', async () => {
    const { h, pods } = await fresh()
    const [source] = pods as [PlayedPod]
    h.redundancyBound = 0.25
    for (let i = 0; i < 40; i++) {
      await h.commit(source, [upsert(i % 30, 0, `"${i}"`, { copy: 1 + (i % 2) })])
      const [rows, copies] = (await redis.client.hmget(h.cell(0).keys.meta, 'rows', 'redundant')).map(Number) as [
        number,
        number,
      ]
      expect(copies).toBeLessThanOrEqual(0.25 * rows)
      const held = [...(await h.fold(1)).values(), ...(await h.fold(2)).values()].filter(({ flag }) => flag === 'c')
      expect(held).toHaveLength(copies)
    }
    expect(Number(await redis.client.hget(h.cell(0).keys.meta, 'redundant'))).toBe(7)
  })

  it('executes a request with an idempotency key once, whoever leads and whatever was written meanwhile (rule L20)', async () => {
    const { h, pods } = await fresh()
    const [first, second] = pods as [PlayedPod, PlayedPod]
    const idempotency = { key: 'k1', digest: 'd1' }
    const asked = (payload: string) => [
      { ...upsert(1, 0, payload), idempotency },
      { ...remove(2), idempotency },
      { ...remove(7), idempotency },
    ]
    await h.commit(first, [upsert(2, 0, '"b"')])
    const done = (await h.commit(first, asked('"a"'))).outcome
    expect(done?.results.map(({ outcome }) => outcome)).toEqual(['applied', 'applied', 'absent'])
    await h.commit(second, [upsert(1, 1, '"newer"'), upsert(2, 1, '"back"'), upsert(7, 1, '"new"')])
    // Sent again, to another cell's primary, as after a change of centroids.
    const again = (await h.commit(second, asked('"a"'))).outcome
    expect(again?.results).toEqual(done?.results)
    expect(again?.heads[0]).toBe((await h.head(0)).seq)
    expect((await h.fold(1)).get(idKey(1))?.payload).toBe('"newer"')
    expect([...(await h.fold(1)).keys()].toSorted()).toEqual([idKey(1), idKey(2), idKey(7)].toSorted())
    // Another request under the key changes nothing, and one that was cut off does what is missing.
    const other = { key: 'k1', digest: 'd2' }
    const before = await h.fold(0)
    const reused = (await h.commit(first, [{ ...upsert(1, 0, '"x"'), idempotency: other }])).outcome
    expect(reused?.results).toEqual([{ outcome: 'key-reused' }])
    expect(await h.fold(0)).toEqual(before)
    const more = (await h.commit(second, [...asked('"a"'), { ...upsert(9, 1, '"rest"'), idempotency }])).outcome
    expect(more?.results.map(({ outcome }) => outcome)).toEqual(['applied', 'applied', 'absent', 'applied'])
    expect((await h.fold(1)).get(idKey(9))?.payload).toBe('"rest"')
  })

  it('remembers an idempotency key for an hour, and nothing of a request that was refused', async () => {
    const { h, pods } = await fresh()
    const [source] = pods as [PlayedPod]
    const { keys } = h.cell(0)
    const idempotency = { key: 'k2', digest: 'd' }
    await h.commit(source, [{ ...upsert(1, 0, '"a"', { expect: 'v9' }), idempotency }])
    expect(await redis.client.exists(keys.idempotencyRecord('k2'))).toBe(0)
    await h.commit(source, [{ ...upsert(1, 0, '"a"'), idempotency }])
    const ttl = await redis.client.pttl(keys.idempotencyRecord('k2'))
    expect(ttl).toBeGreaterThan(3_590_000)
    expect(ttl).toBeLessThanOrEqual(3_600_000)
    expect(await redis.client.zcard(keys.idempotency)).toBe(1)
  })

  it('checks a version that the user names, where 0 means that the point must not exist', async () => {
    const { h, pods } = await fresh()
    const [source] = pods as [PlayedPod]
    const outcomes = async (expectation: string) =>
      (await h.commit(source, [upsert(1, 0, '"x"', { expect: expectation })])).outcome?.results[0]
    expect(await outcomes('v0')).toMatchObject({ outcome: 'applied', version: 1 })
    expect(await outcomes('v0')).toEqual({ outcome: 'conflict', version: 1 })
    expect(await outcomes('v1')).toMatchObject({ outcome: 'applied', version: 2 })
    expect((await h.commit(source, [remove(1, 'v1')])).outcome?.results[0]).toEqual({ outcome: 'conflict', version: 2 })
  })

  it('applies operations of one batch on one id in their order', async () => {
    const { h, pods } = await fresh()
    const [source] = pods as [PlayedPod]
    const { outcome } = await h.commit(source, [upsert(1, 0, '"a"'), remove(1), upsert(1, 0, '"b"'), remove(7)])
    expect(outcome?.results.map((result) => result.outcome)).toEqual(['applied', 'applied', 'applied', 'absent'])
    expect((await h.fold(0)).get(idKey(1))?.payload).toBe('"b"')
    expect(outcome?.rows).toBe(1)
  })

  it('refuses a batch beyond the budget of any log that it touches, and changes nothing', async () => {
    const { h, pods } = await fresh()
    const [source] = pods as [PlayedPod]
    h.budgetBytes = 3000
    const large = { ...upsert(1, 1), row: row('"x"', 700) } as ReturnType<typeof upsert>
    const before = await h.dump()
    expect(await h.commit(source, [large])).toMatchObject({ code: 'WAL_BUDGET', detail: '1' })
    expect(await h.dump()).toEqual(before)
  })
})
