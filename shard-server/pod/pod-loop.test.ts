import { pino } from 'pino'
import { beforeEach, describe, expect, it } from 'vitest'
import { InvariantViolated } from '../../core/invariant.ts'
import { Metrics } from '../../runtime/metrics.ts'
import { PodLoop } from './pod-loop.ts'

let metrics: Metrics
let logged: { level: number; error: string; msg: string }[]
beforeEach(() => {
  metrics = new Metrics('shard', { vectorcluster: 'films', collection: 'films', cell: 0 })
  logged = []
})

function loop(pauseMs: () => number): PodLoop {
  const logger = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) })
  return new PodLoop({ logger, metrics }, { name: 'audit', level: 'warn', failed: 'the step failed', pauseMs })
}

const failures = async () =>
  Number(/maksdb_loop_failures_total\{[^}]*loop="audit"[^}]*\} (\d+)/.exec(await metrics.registry.metrics())?.[1] ?? 0)

describe('a loop of a pod', () => {
  it('repeats its step with a pause after each, without one where the step says so, until it is closed', async () => {
    let pauses = 0
    let steps = 0
    const three = loop(() => {
      pauses++
      return 1
    })
    await three.run(async () => {
      steps++
      if (steps === 5) three.close()
      return steps === 2 ? 'at once' : undefined
    })
    expect(steps).toBe(5)
    expect(pauses).toBe(4)
    expect(logged).toEqual([])
  })

  it('has its series of failures before the first one', async () => {
    loop(() => 0)
    expect(await metrics.registry.metrics()).toMatch(/maksdb_loop_failures_total\{[^}]*loop="audit"[^}]*\} 0/)
  })

  it('logs and counts a step that fails, and continues', async () => {
    let steps = 0
    const failing = loop(() => 1)
    await failing.run(async () => {
      if (++steps === 3) failing.close()
      throw new Error(`step ${steps}`)
    })
    expect(logged.map(({ level, error, msg }) => ({ level, error, msg }))).toEqual(
      [1, 2, 3].map((step) => ({ level: 40, error: `step ${step}`, msg: 'the step failed' })),
    )
    expect(await failures()).toBe(3)
  })

  it('ends with the error if a step finds a wrong state: it is neither repeated nor counted as a failure', async () => {
    let steps = 0
    const wrong = loop(() => 1)
    const run = wrong.run(async () => {
      steps++
      throw new InvariantViolated('1 = 2')
    })
    await expect(run).rejects.toThrow('invariant violated: 1 = 2')
    expect(steps).toBe(1)
    expect(await failures()).toBe(0)
  })

  it('ends within its pause, and within a pause of its step, if it is closed meanwhile', async () => {
    const started = performance.now()
    const outside = loop(() => 60_000)
    const inside = loop(() => 60_000)
    const runs = [outside.run(async () => undefined), inside.run(() => inside.pause(60_000).then(() => undefined))]
    setTimeout(() => [outside, inside].forEach((one) => one.close()), 20)
    await Promise.all(runs)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})
