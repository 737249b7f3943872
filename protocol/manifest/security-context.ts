/** Security contexts of a VectorCluster's pods and containers: the fields of Kubernetes that make sense for them. */
import { z } from 'zod'

const ID_MAX = 2_147_483_647
const id = z.int().min(0).max(ID_MAX)
const word = z.string().max(253)
const capabilities = z.array(z.string().max(63)).max(64)

const common = {
  runAsUser: id.optional().describe('user id; absent: the user of the image, or the user that the platform assigns'),
  runAsGroup: id.optional(),
  runAsNonRoot: z.boolean().optional(),
  seLinuxOptions: z
    .strictObject({
      level: word.optional(),
      role: word.optional(),
      type: word.optional(),
      user: word.optional(),
    })
    .optional(),
  seccompProfile: z
    .strictObject({
      type: z.enum(['RuntimeDefault', 'Unconfined', 'Localhost']),
      localhostProfile: word.optional(),
    })
    .optional(),
}

export const podSecurityContext = z.strictObject({
  ...common,
  fsGroup: id.optional().describe('group that may write to the volumes'),
  fsGroupChangePolicy: z.enum(['Always', 'OnRootMismatch']).optional(),
  supplementalGroups: z.array(id).max(32).optional(),
})

export const containerSecurityContext = z.strictObject({
  ...common,
  allowPrivilegeEscalation: z.boolean().optional(),
  readOnlyRootFilesystem: z.boolean().optional(),
  capabilities: z.strictObject({ add: capabilities.optional(), drop: capabilities.optional() }).optional(),
})
