/** What only the operator can know becomes a condition and an event, and clears by itself when it is mended. */

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { sleep } from '../../../runtime/lifecycle.ts'
import { Kubernetes } from '../support/kubernetes.ts'
import { Load } from '../support/load.ts'
import { QUOTAS } from '../support/resources.ts'
import { pauseDaemon } from './cluster.ts'

const k = new Kubernetes('problem')

beforeAll(() => k.start())
afterAll(() => k.stop())

async function condition(name: string, type: string) {
  const { conditions = [] } = await k.status(name)
  return conditions.find((one) => one.type === type)
}

function saying(name: string, type: string, reason: string) {
  return k.until(`${name} to say ${reason}`, 90_000, async () => {
    const now = await condition(name, type)
    return now?.reason === reason ? now : undefined
  })
}

describe('problems that an administrator mends', () => {
  it('a Secret that is missing', async () => {
    await k.apply('keyless', { dimension: 2, auth: { secretRef: { name: 'mine' } } })
    const said = await saying('keyless', 'Degraded', 'ReferenceMissing')
    expect(said.message).toBe('spec.auth: there is no Secret mine with the key api-key')
    await k.kubectl('create', 'secret', 'generic', 'mine', '--from-literal=api-key=s3cret')
    await k.settled('keyless')
    const { url } = await k.endpoint('keyless').catch(async () => ({
      url: `http://${await k.kubectl('get', 'service', 'keyless', '-o', 'jsonpath={.spec.clusterIP}')}:6333`,
    }))
    expect((await fetch(`${url}/collections`, { headers: { 'api-key': 's3cret' } })).status).toBe(200)
    expect(await k.kubectl('describe', 'vc', 'keyless')).toMatch(/Warning +ReferenceMissing[\s\S]*Recovered/)
  })

  it('a Redis that is not durable', async () => {
    const password = await k.secret('keyless-internal', 'redis-password')
    const set = (value: string) =>
      k.kubectl('exec', 'keyless-redis-0', '--', 'redis-cli', '-a', password, 'CONFIG', 'SET', 'appendfsync', value)
    await set('everysec')
    const said = await saying('keyless', 'RedisDurable', 'SettingsDoNotCarryIt')
    expect(said.status).toBe('False')
    await set('always')
    await saying('keyless', 'RedisDurable', 'SettingsCarryIt')
    expect(await k.kubectl('describe', 'vc', 'keyless')).toContain('RedisNotDurable')
  })

  it('a log that ends before what was seen in it: writes wait until the loss is accepted', async () => {
    const seen = { id: '1-1000000', version: 1 }
    const patch = JSON.stringify([{ op: 'replace', path: '/status/shards/0/floor', value: seen }])
    await k.until('the operator to doubt the log', 90_000, async () => {
      const { shards = [], conditions = [] } = await k.status('keyless')
      if (shards[0]?.floor.id !== seen.id)
        await k.kubectl('patch', 'vc', 'keyless', '--subresource=status', '--type=json', '-p', patch)
      return conditions.find(({ reason }) => reason === 'LogBelowFloor')
    })
    await k.until('the pods to have said what they hold', 60_000, async () => {
      const { reason = '', message = '' } = (await condition('keyless', 'Ready')) ?? {}
      const told = message.includes('cell 0: no pod holds the entries after') && message.includes(`up to ${seen.id}`)
      return (reason === 'LogRegressed' && told) || undefined
    })
    await k.kubectl('annotate', 'vc', 'keyless', 'maksdb.io/accept-loss=as-far-as-it-goes')
    await k.settled('keyless')
    await saying('keyless', 'Degraded', 'AllPodsReady')
    expect(Number((await k.status('keyless')).shards?.[0]?.floor.id.split('-')[1])).toBeLessThan(1000)
    expect(await k.kubectl('describe', 'vc', 'keyless')).toContain('LossAccepted')
  })

  it('a quota that refuses pods', async () => {
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'few', namespace: 'problem' },
      spec: { hard: { pods: '5' } },
    }
    const made = await k.client.create(QUOTAS, quota)
    await k.apply('crowd', { dimension: 2, replicas: 3 })
    const said = await saying('crowd', 'Degraded', 'PodsRefused')
    expect(said.message).toContain('exceeded quota: few')
    await k.client.delete(QUOTAS, made)
    await k.settled('crowd', 240_000)
  })

  it('an image that does not exist is the way out of itself: the next manifest replaces the broken pods', async () => {
    await k.apply('crowd', { dimension: 2, replicas: 3, image: 'localhost/maksdb:none' })
    await saying('crowd', 'Degraded', 'PodStuck')
    const { conditions = [], rollout } = await k.status('crowd')
    // One pod is broken, and the others are left alone.
    expect(rollout?.pods).toBe(3)
    expect(conditions.find(({ type }) => type === 'Ready')?.status).toBe('True')
    await k.apply('crowd', { dimension: 2, replicas: 3, image: k.image })
    await k.settled('crowd')
  })

  it('the pause annotation stops the hands of the operator, and its removal lets them go on', async () => {
    await k.kubectl('annotate', 'vc', 'crowd', 'maksdb.io/paused=true')
    await saying('crowd', 'Progressing', 'Paused')
    await k.kubectl('delete', 'service', 'crowd')
    await sleep(3000)
    expect(await k.kubectl('get', 'service', 'crowd', '--ignore-not-found')).toBe('')
    await k.kubectl('annotate', 'vc', 'crowd', 'maksdb.io/paused-')
    await k.settled('crowd')
    expect(await k.kubectl('get', 'service', 'crowd')).toContain('crowd')
  })
})

it.skipIf(!inject('cluster').own)('the API server hangs for two minutes: the data path does not notice', async () => {
  await k.settled('crowd')
  const load = new Load(await k.endpoint('crowd'), 'crowd', [[1, 0]])
  await pauseDaemon('kube-apiserver', () => sleep(120_000))
  const report = await load.end()
  console.log(`API server away for 120 s: ${JSON.stringify({ ...report, failedReads: report.failedReads.length })}`)
  expect(report.failedReads).toEqual([])
  expect(report.lost).toEqual([])
  expect(report.gaps[0]?.maxMs).toBeLessThan(5000)
  await k.settled('crowd')
})
