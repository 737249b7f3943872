import { describe, expect, it } from 'vitest'
import type { KubeObject } from './kube/objects.ts'
import { hasReadyEndpoint } from './observe.ts'

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
