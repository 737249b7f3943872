/** The status of a VectorCluster: written by the operator alone, by server-side apply on the status subresource. */
import { z } from 'zod'

export const CONDITION_TYPES = ['Ready', 'Progressing', 'Degraded', 'RedisDurable'] as const
export type ConditionType = (typeof CONDITION_TYPES)[number]
export type ConditionStatus = 'True' | 'False' | 'Unknown'

const count = z.int().min(0)

export const conditionSchema = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().describe('one word, for machines'),
  message: z.string().describe('one sentence, for people'),
  observedGeneration: count.describe('generation of the manifest that this was said of'),
  lastTransitionTime: z.string().meta({ format: 'date-time' }).describe('when status changed last'),
})
export type Condition = z.infer<typeof conditionSchema>

export const shardStatusSchema = z.object({
  cell: count.describe('number of the cluster, from 0'),
  primary: z.string().describe('pod that leads, empty where none does'),
  epoch: count.describe('epoch of the log; grows with every change of the primary'),
  points: count.describe('points whose owner is this shard'),
  readyReplicas: count.describe('pods that are ready'),
  floor: z
    .object({
      id: z.string().describe('id of a log entry that was seen at the head'),
      version: count.describe('version of the collection at that time'),
      era: count.optional().describe('number of the last loss that had been accepted by then'),
    })
    .describe('the log of this shard must never end before this; noted at most once a minute'),
})
export type ShardStatus = z.infer<typeof shardStatusSchema>

export const vectorClusterStatusSchema = z.object({
  observedGeneration: count.optional().describe('generation of the manifest that this status speaks of'),
  conditions: z
    .array(conditionSchema)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
    .describe('Ready, Progressing, Degraded, RedisDurable'),
  collection: z.string().optional().describe('name of the collection in the API'),
  endpoint: z.string().optional().describe('URL of the REST API inside the Kubernetes cluster'),
  clusters: count.optional().describe('k-means clusters that run'),
  replicas: count.optional().describe('pods of each shard, as the StatefulSets have them'),
  selector: z.string().optional().describe('label selector of the shard pods, for autoscalers'),
  primaries: z.string().optional().describe('shards with a primary, of all'),
  points: count.optional().describe('points in the collection'),
  image: z.string().optional().describe('image that shards and routers run'),
  claimed: z
    .boolean()
    .optional()
    .describe('the log in Redis belongs to this VectorCluster; before, no volume of its name is deleted with it'),
  rollout: z
    .object({
      pods: count.describe('shard pods'),
      updated: count.describe('shard pods that run what the manifest says'),
      blockedBy: z
        .array(z.object({ predicate: z.string(), message: z.string() }))
        .describe('why the next pod is not replaced yet'),
    })
    .optional()
    .describe('replacement of pods after a change'),
  disruptions: z
    .array(
      z.object({
        since: z.string().meta({ format: 'date-time' }).describe('begin of ten minutes'),
        count: count.describe('pods that the operator replaced, asked to hand over or took away in them'),
      }),
    )
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['since'] })
    .describe('what counts against the budget of disruptions of the last hour: 10, and 4 for each pod'),
  shards: z
    .array(shardStatusSchema)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['cell'] })
    .describe('each shard'),
  acceptedLoss: z.string().optional().describe('value of the annotation maksdb.io/accept-loss that was acted on last'),
})
export type VectorClusterStatus = z.infer<typeof vectorClusterStatusSchema>
