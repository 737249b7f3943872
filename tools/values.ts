/**
 * The schema of the chart's values: what is not in it is refused by `helm install`. No value is required, since Helm's
 * --reuse-values hands on those of an older chart; the templates fill in what is missing from the defaults that are made here.
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { containerSecurityContext, podSecurityContext } from '../protocol/manifest/security-context.ts'

/** An object of which any part may be missing or null. */
function part(shape: z.ZodRawShape) {
  return z.strictObject(Object.fromEntries(Object.entries(shape).map(([name, value]) => [name, z.nullish(value)])))
}

/**
 * Text that YAML and --set make a number of: a date as a tag, a year as a namespace. Only whole numbers can be written as
 * they were meant, and short ones may have been 1.0 or 007: those are to be quoted.
 */
const wholeNumber = z.int().min(100)
const word = (text: z.ZodString) => z.union([text, wholeNumber])
const strings = z.record(z.string(), z.union([z.string(), z.int(), z.boolean()]))
const anything = z.record(z.string(), z.unknown())
const optionalPart = { enabled: z.boolean(), labels: strings }

export const valuesSchema = part({
  image: part({
    repository: z.string().min(1),
    tag: word(z.string()),
    pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
  }),
  imagePullSecrets: z.array(z.strictObject({ name: z.string().min(1) })),
  replicas: z.int().min(1).max(5),
  watchNamespaces: z.array(word(z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/))),
  workers: z.int().min(1).max(100),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
  crds: part({ install: z.boolean(), keep: z.boolean() }),
  serviceAccount: part({ create: z.boolean(), name: z.string(), annotations: strings }),
  resources: part({ requests: anything, limits: anything }),
  nodeSelector: strings,
  tolerations: z.array(anything),
  affinity: anything,
  podAnnotations: strings,
  priorityClassName: z.string(),
  podSecurityContext: part(podSecurityContext.shape),
  containerSecurityContext: part(containerSecurityContext.shape),
  selfTest: part({ spec: anything }),
  monitoring: part({
    podMonitor: part({ ...optionalPart, interval: z.string().regex(/^\d+(ms|s|m)$/) }),
    rules: part({ ...optionalPart, runbookUrl: z.string().regex(/^(https?:\/\/[^#\s]+)?$/) }),
    dashboards: part(optionalPart),
  }),
  // What Helm and the charts around this one add: the condition of the dependency, its tags, and what all charts share.
  enabled: z.boolean(),
  tags: z.record(z.string(), z.boolean()),
  global: anything,
})

const VALUES = new URL('../helm/maksdb/values.yaml', import.meta.url)

export function valuesFiles(): [string, string][] {
  // The schema dialect that every version of Helm 3 knows.
  const schema = z.toJSONSchema(valuesSchema, { target: 'draft-7' })
  const defaults: unknown = parse(readFileSync(VALUES, 'utf8'))
  return [
    ['helm/maksdb/values.schema.json', `${JSON.stringify(schema, null, 2)}\n`],
    // A template cannot read values.yaml.
    ['helm/maksdb/files/defaults.json', `${JSON.stringify(defaults, null, 2)}\n`],
  ]
}
