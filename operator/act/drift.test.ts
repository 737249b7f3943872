import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../kube/objects.ts'
import { driftOf, stamped, wholesThatDiffer } from './drift.ts'

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

describe('a value that means something only as a whole', () => {
  const service = stamped(desired({ selector: { app: 'films' }, ports: [{ name: 'rest', port: 6333 }] }))
  const policy = stamped(
    desired({
      podSelector: { matchLabels: { app: 'films' } },
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'router' } } }], ports: [{ port: 7001 }] }],
    }),
  )
  const pods = stamped(
    desired({
      template: {
        spec: { nodeSelector: { disk: 'ssd' }, containers: [{ name: 'a', resources: { limits: { cpu: 1 } } }] },
      },
    }),
  )
  const from = (peer: object) => ({
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'router' } }, ...peer }], ports: [{ port: 7001 }] }],
  })
  const within = (spec: object) => ({ template: { spec } })
  const container = { name: 'a', resources: { limits: { cpu: 1 } } }

  const cases: [string, KubeObject, Record<string, unknown>, string, string][] = [
    ['a key of a selector', service, { selector: { app: 'films', team: 'x' } }, 'spec.selector.team', '/spec/selector'],
    [
      'a port',
      service,
      {
        ports: [
          { name: 'rest', port: 6333 },
          { name: 'b', port: 80 },
        ],
      },
      'spec.ports',
      '/spec/ports',
    ],
    [
      'an expression of a selector',
      policy,
      { podSelector: { matchLabels: { app: 'films' }, matchExpressions: [{ key: 'x', operator: 'Exists' }] } },
      'spec.podSelector.matchExpressions',
      '/spec/podSelector',
    ],
    ['a type of policy', policy, { policyTypes: ['Ingress', 'Egress'] }, 'spec.policyTypes', '/spec/policyTypes'],
    [
      'a condition of a peer',
      policy,
      from({ namespaceSelector: {} }),
      'spec.ingress[0].from[0].namespaceSelector',
      '/spec/ingress',
    ],
    [
      'a label of a node',
      pods,
      within({ nodeSelector: { disk: 'ssd', zone: 'a' }, containers: [container] }),
      'spec.template.spec.nodeSelector.zone',
      '/spec/template/spec/nodeSelector',
    ],
    [
      'a limit of a container',
      pods,
      within({
        nodeSelector: { disk: 'ssd' },
        containers: [{ ...container, resources: { limits: { cpu: 1, memory: 2 } } }],
      }),
      'spec.template.spec.containers[0].resources.limits.memory',
      '/spec/template/spec/containers',
    ],
    [
      'a container',
      pods,
      within({ nodeSelector: { disk: 'ssd' }, containers: [container, { name: 'b' }] }),
      'spec.template.spec.containers',
      '/spec/template/spec/containers',
    ],
  ]
  it.each(cases)(
    'has drifted where somebody added %s, and is put in place whole',
    (_what, wanted, change, path, whole) => {
      const now = observed(wanted, change)
      expect(driftOf(wanted, now)).toBe(`${path} was changed by someone else`)
      expect(wholesThatDiffer(wanted, now).map((one) => one.path)).toEqual([whole])
      expect(wholesThatDiffer(wanted, observed(wanted))).toEqual([])
    },
  )

  it('data of a ConfigMap is one', () => {
    const { spec: _, ...bare } = desired({})
    const config = stamped({ ...bare, kind: 'ConfigMap', data: { 'a.json': '{}' } })
    const now = { ...config, data: { 'a.json': '{}', 'b/c~d': 'x' } }
    expect(driftOf(config, now)).toBe('data.b/c~d was changed by someone else')
    expect(wholesThatDiffer(config, now)).toEqual([{ path: '/data', value: { 'a.json': '{}' } }])
  })
})
