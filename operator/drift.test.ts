import { describe, expect, it } from 'vitest'
import { driftOf, stamped } from './drift.ts'
import type { KubeObject } from './kube/objects.ts'

const desired = (spec: Record<string, unknown>): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'films', labels: { app: 'films' } },
  spec,
})

/** What the API server would answer: everything that was declared, and what it adds itself. */
function observed(object: KubeObject, change: Record<string, unknown> = {}): KubeObject {
  const copy = structuredClone(object)
  return {
    ...copy,
    metadata: {
      ...copy.metadata,
      uid: '1',
      resourceVersion: '7',
      labels: { ...copy.metadata.labels, added: 'by others' },
    },
    spec: { ...copy.spec, progressDeadlineSeconds: 600, ...change },
    status: { readyReplicas: 1 },
  }
}

describe('an object has to be applied', () => {
  const wanted = stamped(desired({ replicas: 2, list: [{ name: 'a' }], empty: {} }))

  it('where it is missing', () => {
    expect(driftOf(wanted, undefined)).toBe('it is missing')
  })

  it('not where others have only added to it', () => {
    expect(driftOf(wanted, observed(wanted))).toBeUndefined()
    expect(driftOf(wanted, observed(wanted, { list: [{ name: 'a', added: true }], empty: undefined }))).toBeUndefined()
  })

  it('where its declaration changed, a field that was taken away included', () => {
    expect(driftOf(stamped(desired({ replicas: 2 })), observed(wanted))).toBe('its declaration changed')
  })

  it('where somebody changed a field of it, by the name of the field', () => {
    expect(driftOf(wanted, observed(wanted, { replicas: 1 }))).toBe('spec.replicas was changed by someone else')
    expect(driftOf(wanted, observed(wanted, { list: [{ name: 'b' }] }))).toBe(
      'spec.list[0].name was changed by someone else',
    )
    expect(driftOf(wanted, observed(wanted, { list: [] }))).toBe('spec.list was changed by someone else')
  })

  it('not where a quantity is only written otherwise', () => {
    const limits = stamped(desired({ limits: { memory: '1024Mi', cpu: '1000m' } }))
    expect(driftOf(limits, observed(limits, { limits: { memory: '1Gi', cpu: 1 } }))).toBeUndefined()
    expect(driftOf(limits, observed(limits, { limits: { memory: '2Gi', cpu: 1 } }))).toContain('spec.limits.memory')
  })
})
