/** Services, and who may speak to whom. */
import type { JsonObject, KubeObject } from '../kube/objects.ts'
import { LABELS } from '../resources.ts'
import { type BuildContext, type Component, metaOf, namesOf, selectorOf } from './context.ts'
import { PORTS } from './names.ts'

function port(name: string, number: number, targetPort: string): JsonObject {
  return { name, port: number, targetPort, protocol: 'TCP' }
}

function service(context: BuildContext, name: string, component: Component, spec: JsonObject): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metaOf(context, name, component),
    spec: {
      type: 'ClusterIP',
      selector: selectorOf(context.cluster.metadata.name, component),
      ...(context.cluster.spec.service?.ipFamilyPolicy === undefined
        ? {}
        : { ipFamilyPolicy: context.cluster.spec.service.ipFamilyPolicy }),
      ...spec,
    },
  }
}

export function services(context: BuildContext): KubeObject[] {
  const { service: client, shards, redis } = namesOf(context)
  return [
    service(context, client, 'router', { ports: [port('rest', PORTS.rest, 'rest')] }),
    // Pods must find each other before they are ready.
    service(context, shards, 'shard', {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      ports: [port('shard', PORTS.shard, 'shard'), port('metrics', PORTS.admin, 'metrics')],
    }),
    ...(context.cluster.spec.redis.external
      ? []
      : [service(context, redis, 'redis', { ports: [port('redis', PORTS.redis, 'redis')] })]),
  ]
}

/** Shards and Redis accept connections from their own cluster's pods and the operator; metrics are open, as everywhere in Kubernetes. */
export function networkPolicies(context: BuildContext): KubeObject[] {
  const { metadata, spec } = context.cluster
  const own = (component: Component) => ({ podSelector: { matchLabels: selectorOf(metadata.name, component) } })
  const operator = {
    namespaceSelector: {},
    podSelector: { matchLabels: { [LABELS.name]: 'maksdb', [LABELS.component]: 'operator' } },
  }
  const on = (number: number) => [{ port: number, protocol: 'TCP' }]
  const policy = (name: string, component: Component, ingress: JsonObject[]): KubeObject => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metaOf(context, name, component),
    spec: {
      podSelector: { matchLabels: selectorOf(metadata.name, component) },
      policyTypes: ['Ingress'],
      ingress,
    },
  })
  const { shards, redis, router } = namesOf(context)
  return [
    policy(shards, 'shard', [
      { from: [own('shard'), own('router'), operator], ports: on(PORTS.shard) },
      { ports: on(PORTS.admin) },
    ]),
    policy(router, 'router', [{ ports: [...on(PORTS.rest), ...on(PORTS.admin)] }]),
    ...(spec.redis.external
      ? []
      : [policy(redis, 'redis', [{ from: [own('shard'), own('router'), operator], ports: on(PORTS.redis) }])]),
  ]
}

/** A node may be drained one pod of a shard at a time. */
export function disruptionBudgets(context: BuildContext): KubeObject[] {
  const { metadata } = context.cluster
  const budget = (name: string, component: Component, cell?: number): KubeObject => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metaOf(context, name, component, cell),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selectorOf(metadata.name, component, cell) },
    },
  })
  const { shard, router } = namesOf(context)
  return [
    ...Array.from({ length: context.clusters }, (_, cell) => budget(shard(cell), 'shard', cell)),
    budget(router, 'router'),
  ]
}
