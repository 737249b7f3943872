/** The schema of the chart's values: what is not in it is refused by `helm install`. */
import { z } from 'zod'

const strings = z.record(z.string(), z.string())
const anything = z.record(z.string(), z.unknown())
const optionalPart = { enabled: z.boolean(), labels: strings }

export const valuesSchema = z.strictObject({
  image: z.strictObject({
    repository: z.string().min(1),
    tag: z.string(),
    pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
  }),
  imagePullSecrets: z.array(z.strictObject({ name: z.string().min(1) })),
  replicas: z.int().min(1).max(5),
  watchNamespaces: z.array(z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)),
  workers: z.int().min(1).max(100),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
  crds: z.strictObject({ install: z.boolean(), keep: z.boolean() }),
  serviceAccount: z.strictObject({ create: z.boolean(), name: z.string(), annotations: strings }),
  resources: z.strictObject({ requests: anything.optional(), limits: anything.optional() }),
  nodeSelector: strings,
  tolerations: z.array(anything),
  affinity: anything,
  podAnnotations: strings,
  priorityClassName: z.string(),
  monitoring: z.strictObject({
    podMonitor: z.strictObject({ ...optionalPart, interval: z.string().regex(/^\d+(ms|s|m)$/) }),
    rules: z.strictObject({ ...optionalPart, runbookUrl: z.string().regex(/^(https?:\/\/[^#\s]+)?$/) }),
    dashboards: z.strictObject(optionalPart),
  }),
  // Helm adds it to the values of a subchart.
  global: anything.optional(),
})

export function valuesSchemaFile(): [string, string] {
  // The schema dialect that every version of Helm 3 knows.
  const schema = z.toJSONSchema(valuesSchema, { target: 'draft-7' })
  return ['helm/maksdb/values.schema.json', `${JSON.stringify(schema, null, 2)}\n`]
}
