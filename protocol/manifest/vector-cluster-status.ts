/** The status of a VectorCluster: written by the operator alone, by server-side apply on the status subresource. */
import { z } from 'zod'

export const CONDITION_TYPES = ['Ready', 'Progressing', 'Degraded', 'RedisDurable'] as const
export type ConditionType = (typeof CONDITION_TYPES)[number]
export type ConditionStatus = 'True' | 'False' | 'Unknown'

const count = z.int().min(0)

export const conditionSchema = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().describe('one word that programs can rely on'),
  message: z.string().describe('one sentence that explains the status'),
  observedGeneration: count.describe('generation of the manifest that this condition describes'),
  lastTransitionTime: z.string().meta({ format: 'date-time' }).describe('time of the last change of status'),
})
export type Condition = z.infer<typeof conditionSchema>

export const shardStatusSchema = z.object({
  cell: count.describe('number of the cell, from 0'),
  primary: z.string().describe('pod that leads; empty if no pod leads'),
  epoch: count.describe('epoch of the log; it grows with every change of the primary'),
  points: count.describe('points whose owner row is in this shard'),
  readyReplicas: count.describe('number of ready pods'),
  floor: z
    .object({
      id: z.string().describe('id of a log entry that was observed at the head'),
      version: count.describe('version of the collection at that time'),
      generation: count.optional().describe('number of the last loss that had been accepted at that time'),
    })
    .describe('lower bound of the end of this log; recorded at most once a minute'),
})
export type ShardStatus = z.infer<typeof shardStatusSchema>

export const vectorClusterStatusSchema = z.object({
  observedGeneration: count.optional().describe('generation of the manifest that this status describes'),
  conditions: z
    .array(conditionSchema)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
    .describe('Ready, Progressing, Degraded, RedisDurable'),
  collection: z.string().optional().describe('name of the collection in the API'),
  endpoint: z.string().optional().describe('URL of the REST API inside the Kubernetes cluster'),
  clusters: count.optional().describe('number of k-means clusters that run'),
  replicas: count.optional().describe('pods of each shard, as in spec.replicas of the StatefulSets'),
  selector: z.string().optional().describe('label selector of the shard pods, for autoscalers'),
  primaries: z.string().optional().describe('number of shards with a primary, and of all shards'),
  points: count.optional().describe('points in the collection'),
  image: z.string().optional().describe('image that shards and routers run'),
  claimed: z
    .boolean()
    .optional()
    .describe(
      'true once the log in Redis belongs to this VectorCluster; until then no volume of its name is deleted with it',
    ),
  rollout: z
    .object({
      pods: count.describe('shard pods'),
      updated: count.describe('shard pods that run the current manifest'),
      blockedBy: z
        .array(z.object({ predicate: z.string(), message: z.string() }))
        .describe('reasons why the next pod is not replaced yet'),
    })
    .optional()
    .describe('replacement of pods after a change of the manifest'),
  disruptions: z
    .array(
      z.object({
        since: z.string().meta({ format: 'date-time' }).describe('start of a period of ten minutes'),
        count: count.describe('pods that the operator replaced, requested a hand-over from, or removed in this period'),
      }),
    )
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['since'] })
    .describe('disruptions of the last hour; the budget is 10 plus 4 for each pod'),
  shards: z
    .array(shardStatusSchema)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['cell'] })
    .describe('status of each shard'),
  acceptedLoss: z
    .string()
    .optional()
    .describe('value of the annotation maksdb.io/accept-loss that the operator carried out last'),
})
export type VectorClusterStatus = z.infer<typeof vectorClusterStatusSchema>
