import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../kube/objects.ts'
import { hasReadyEndpoint, isRecovering, problemOf } from './pods.ts'

describe('a pod that is not ready', () => {
  const NOW = Date.parse('2026-01-01T00:01:00Z')
  const recovering = (since: string, container: object) => {
    const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: since }]
    const metadata = { name: 'films-shard-0-0' }
    return isRecovering(
      { apiVersion: 'v1', kind: 'Pod', metadata, status: { conditions, containerStatuses: [container] } },
      NOW,
    )
  }

  it('recovers for a minute where its containers run, and is broken where they do not', () => {
    const running = { started: true, state: { running: {} } }
    expect(recovering('2026-01-01T00:00:01Z', running)).toBe(true)
    expect(recovering('2026-01-01T00:00:00Z', running)).toBe(false)
    expect(recovering('2026-01-01T00:00:59Z', { started: false, state: { running: {} } })).toBe(false)
    expect(recovering('2026-01-01T00:00:59Z', { started: false, state: { waiting: { reason: 'ErrImagePull' } } })).toBe(
      false,
    )
  })
})

describe('why a pod is stuck', () => {
  const NOW = Date.parse('2026-01-01T00:01:00Z')
  const stuck = (containerStatus: object) =>
    problemOf(
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'films-redis-0', creationTimestamp: '2026-01-01T00:00:00Z' },
        status: { containerStatuses: [{ name: 'redis', restartCount: 3, ...containerStatus }] },
      },
      NOW,
    )
  const waiting = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } }

  it('is the memory limit where the kernel killed it, not that the kubelet waits', () => {
    expect(stuck({ state: waiting, lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } } })).toBe(
      'pod films-redis-0 does not start: OOMKilled: container redis used more memory than its limit and was killed (3 restarts); raise its resources.limits.memory',
    )
  })

  it('says with what code it ended otherwise', () => {
    expect(stuck({ state: waiting, lastState: { terminated: { reason: 'Error', exitCode: 1 } } })).toBe(
      'pod films-redis-0 does not start: CrashLoopBackOff: back-off 40s: the last run of container redis ended with Error, exit code 1',
    )
    expect(stuck({ state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } })).toBe(
      'pod films-redis-0 does not start: ErrImagePull: no such image',
    )
    expect(stuck({ state: { running: {} } })).toBeUndefined()
  })
})

const service: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'films', uid: 's1' } }
function slice(uid: string, ...ready: (boolean | undefined)[]): KubeObject {
  const reference = { apiVersion: 'v1', kind: 'Service', name: 'films', uid, controller: true }
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'films-x', ownerReferences: [reference] },
    endpoints: ready.map((one) => ({ addresses: ['10.0.0.1'], conditions: one === undefined ? {} : { ready: one } })),
  }
}

describe('a Service has a ready endpoint', () => {
  it('where one of its slices has one; without a word it is ready', () => {
    expect(hasReadyEndpoint(service, [slice('s1', false), slice('s1', false, true)])).toBe(true)
    expect(hasReadyEndpoint(service, [slice('s1', undefined)])).toBe(true)
  })

  it('not where there is no Service, no slice, none that is ready, or only slices of a namesake', () => {
    expect(hasReadyEndpoint(undefined, [slice('s1', true)])).toBe(false)
    expect(hasReadyEndpoint(service, [])).toBe(false)
    expect(hasReadyEndpoint(service, [slice('s1'), slice('s1', false)])).toBe(false)
    expect(hasReadyEndpoint(service, [slice('s0', true)])).toBe(false)
  })
})
