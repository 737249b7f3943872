/** Volumes of a VectorCluster. */
import { z } from 'zod'
import { cel } from './cel.ts'
import { SIZE_MAX, SIZE_PATTERN, sizeBytes } from './quantity.ts'

const SIZE_MAX_TEXT = `a volume has at most ${SIZE_MAX}`
const sizeSchema = z
  .string()
  .max(32)
  .regex(new RegExp(SIZE_PATTERN), 'must be a quantity such as 10Gi or 1.5Ti')
  .refine((size) => sizeBytes(size) > 0, 'the size of a volume must be above 0')
  .refine((size) => sizeBytes(size) <= sizeBytes(SIZE_MAX), SIZE_MAX_TEXT)

/** Sizes of volumes grow, never shrink, and stay in their class. */
export function storageOf(size: string) {
  return z
    .strictObject({
      size: sizeSchema
        .default(size)
        .describe('size of the volume; it can be raised, not lowered')
        .meta(
          cel(
            { rule: `quantity(self).isGreaterThan(quantity('0'))`, message: 'the size of a volume must be above 0' },
            { rule: `quantity(self).compareTo(quantity('${SIZE_MAX}')) <= 0`, message: SIZE_MAX_TEXT },
            { rule: 'quantity(self).compareTo(quantity(oldSelf)) >= 0', message: 'a volume can only grow' },
          ),
        ),
      storageClassName: z
        .string()
        .max(253)
        .optional()
        .describe('StorageClass of the volume; absent: the default of the Kubernetes cluster'),
    })
    .meta(
      cel({
        rule: 'has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)',
        message: 'storageClassName cannot be changed',
      }),
    )
}
