/** Everything that a VectorCluster consists of, in the order in which it is applied. */
import type { KubeObject } from '../kube/objects.ts'
import { configMap } from './config.ts'
import type { BuildContext } from './context.ts'
import { disruptionBudgets, networkPolicies, services } from './network.ts'
import { redisSet } from './redis-set.ts'
import { routerDeployment } from './router.ts'
import { shardInputs, shardSet } from './shard-set.ts'

/** @param replicas pods that each shard's StatefulSet asks for, as the plan gives them */
export function manifests(context: BuildContext, replicas: readonly number[]): KubeObject[] {
  const inputs = shardInputs(context)
  return [
    configMap(context),
    ...services(context),
    ...networkPolicies(context),
    ...disruptionBudgets(context),
    ...(context.cluster.spec.redis.external ? [] : [redisSet(context)]),
    ...replicas.map((count, cell) => shardSet(context, cell, count, inputs)),
    routerDeployment(context),
  ]
}
