/**
 * Fields of a VectorCluster that go into pods as they are. Their bounds keep the cost of the API server's rules known;
 * what Kubernetes checks itself in a pod is not checked twice.
 */
import { z } from 'zod'
import { cel } from './cel.ts'
import { affinity, labelValue, podTemplate, spreadConstraint } from './pod-template.ts'
import { parseQuantity, QUANTITY_PATTERN } from './quantity.ts'
import { containerSecurityContext, podSecurityContext } from './security-context.ts'

const NAME_MAX = 253

export const objectName = z
  .string()
  .min(1)
  .max(NAME_MAX)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be the name of an object')

export const keyRef = z.strictObject({
  name: objectName.describe('name of the object, in the same namespace'),
  key: z
    .string()
    .min(1)
    .max(NAME_MAX)
    .regex(/^[-._a-zA-Z0-9]+$/)
    .describe('key in the data of the object'),
})

export const nameRef = z.strictObject({ name: objectName.describe('name of the Secret, in the same namespace') })

/** Keeps the cost of the rules about amounts known. */
const AMOUNT_LENGTH_MAX = 32
const amount = z
  .union([
    z.int().min(0),
    z.string().max(AMOUNT_LENGTH_MAX).regex(new RegExp(QUANTITY_PATTERN), 'must be a quantity such as 500m or 2Gi'),
  ])
  .meta({ 'x-kubernetes-int-or-string': true, pattern: QUANTITY_PATTERN, maxLength: AMOUNT_LENGTH_MAX })
const amounts = z.record(z.string(), amount).meta({ maxProperties: 16 })

const REQUEST_ABOVE_LIMIT = 'a request of resources cannot be above its limit'

export const resources = z
  .strictObject({
    requests: amounts.optional().describe('resources reserved for the container'),
    limits: amounts.optional().describe('maximum that the container may use'),
  })
  .refine(
    ({ requests = {}, limits = {} }) =>
      Object.entries(requests).every(
        ([name, asked]) => limits[name] === undefined || parseQuantity(asked) <= parseQuantity(limits[name]),
      ),
    REQUEST_ABOVE_LIMIT,
  )
  .meta(
    cel({
      rule: '!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)',
      message: REQUEST_ABOVE_LIMIT,
    }),
  )

export const scheduling = {
  nodeSelector: z
    .record(z.string(), labelValue)
    .meta({ maxProperties: 32 })
    .optional()
    .describe('labels that a node must have to run the pods'),
  tolerations: z
    .array(
      z.strictObject({
        key: z.string().max(316).optional(),
        operator: z.enum(['Exists', 'Equal', 'Lt', 'Gt']).optional(),
        value: z.string().max(63).optional(),
        effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
        tolerationSeconds: z.int().min(0).max(31_536_000).optional(),
      }),
    )
    .max(32)
    .optional()
    .describe('taints that the pods tolerate'),
  affinity: affinity
    .optional()
    .describe('affinity of the shard pods; absent: the pods of a cell prefer different nodes'),
  topologySpreadConstraints: z
    .array(spreadConstraint)
    .max(16)
    .optional()
    .describe('topology spread of the shard pods; absent: evenly over hosts and zones, if possible'),
  imagePullSecrets: z.array(nameRef).max(16).optional().describe('Secrets with which the image is pulled'),
  podSecurityContext: podSecurityContext
    .optional()
    .describe(
      'security context of all pods: shards, routers and Redis; absent: user, group and fsGroup 10001. If it is given, even as {}, it alone sets the ids, and the operator adds only the fields that the restricted profile requires',
    ),
  containerSecurityContext: containerSecurityContext
    .optional()
    .describe(
      'security context of all containers, merged over the default: no privilege escalation, a read-only root file system, no capabilities',
    ),
  podTemplate: podTemplate
    .optional()
    .describe(
      'template merged into the shard pods: labels, annotations, and fields of the pod that the operator does not set',
    ),
}
