/** The CustomResourceDefinition, from the same schemas as the types (protocol/). */
import { stringify } from 'yaml'
import { z } from 'zod'
import { type CelRule, cel } from '../protocol/manifest/cel.ts'
import {
  API_VERSION,
  KIND,
  NAME_MAX,
  RESERVED_SUFFIXES,
  vectorClusterSpecSchema,
} from '../protocol/manifest/vector-cluster.ts'
import { vectorClusterStatusSchema } from '../protocol/manifest/vector-cluster-status.ts'

type Schema = Record<string, unknown> & {
  type?: string
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  items?: Schema
  'x-kubernetes-validations'?: CelRule[]
}

/** One sentence, also in docs/kubernetes/operations.md. */
const PAUSE =
  'While it has the annotation maksdb.io/paused: "true", the operator writes nothing but its status and events, neither in Kubernetes nor in Redis.'

const [group = '', version = ''] = API_VERSION.split('/')
export const CRD_NAME = `vectorclusters.${group}`

/** JSON schema of zod as a structural schema: no unions, no closed objects (the API server prunes), int-or-string by its own word. */
function structural(schema: Schema): Schema {
  const { $schema: _, propertyNames: __, additionalProperties, anyOf, properties, items, required, ...rest } = schema
  if (rest['x-kubernetes-int-or-string'] === true) return rest
  if (rest['x-kubernetes-preserve-unknown-fields'] === true) return { ...rest, type: 'object' }
  if (anyOf !== undefined) throw new Error('a structural schema has no union')
  // What zod says of every integer is no bound of ours.
  if (rest.minimum === Number.MIN_SAFE_INTEGER) delete rest.minimum
  if (rest.maximum === Number.MAX_SAFE_INTEGER) delete rest.maximum
  return {
    ...rest,
    ...(rest.type === 'integer' ? { format: 'int64' } : {}),
    ...(typeof additionalProperties === 'object' && !properties
      ? { additionalProperties: structural(additionalProperties) }
      : {}),
    ...(properties
      ? {
          properties: Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, structural(field)])),
        }
      : {}),
    ...(items ? { items: structural(items) } : {}),
    ...(Array.isArray(required) && required.length > 0 ? { required } : {}),
  }
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Schema {
  return structural(z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Schema)
}

function column(name: string, type: string, jsonPath: string, description: string) {
  return { name, type, jsonPath, description }
}

export function crd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: CRD_NAME },
    spec: {
      group,
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: 'vectorclusters',
        singular: 'vectorcluster',
        shortNames: ['vc'],
        categories: ['maksdb'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.replicas',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.selector',
            },
          },
          additionalPrinterColumns: [
            column(
              'Ready',
              'string',
              '.status.conditions[?(@.type=="Ready")].status',
              'whether it serves reads and writes',
            ),
            column('Clusters', 'integer', '.status.clusters', 'k-means clusters'),
            column('Primaries', 'string', '.status.primaries', 'number of shards with a primary, and of all shards'),
            column('Points', 'integer', '.status.points', 'points in the collection'),
            column('Age', 'date', '.metadata.creationTimestamp', 'time since it was made'),
          ],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: `A vector collection, cut by k-means into shards, each with a primary and its replicas. ${PAUSE}`,
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: schemaOf(vectorClusterSpecSchema, 'input'),
                status: schemaOf(vectorClusterStatusSchema, 'output'),
              },
              ...cel(
                {
                  rule: `size(self.metadata.name) <= ${NAME_MAX}`,
                  message: `metadata.name must have at most ${NAME_MAX} characters`,
                },
                {
                  rule: "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                  message:
                    'metadata.name must be lower-case letters, digits and "-", and begin with a letter: it names a Service',
                },
                {
                  rule: RESERVED_SUFFIXES.map((suffix) => `!self.metadata.name.endsWith('${suffix}')`).join(' && '),
                  message: `metadata.name must not end in ${RESERVED_SUFFIXES.join(' or ')}: Services of other VectorClusters have such names`,
                },
              ),
            },
          },
        },
      ],
    },
  }
}

const HEAD = '# Made by `npm run generate` from protocol/; do not edit.\n'
const yaml = (value: unknown) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false })

/** The CRD as kubectl takes it, and as a template of the chart, where `helm upgrade` changes it and `helm uninstall` keeps it. */
export function crdFiles(): Map<string, string> {
  const made = crd()
  const { metadata, ...rest } = made
  const template = [
    '{{- include "maksdb.values" . -}}',
    '{{- if .Values.crds.install }}',
    yaml({ apiVersion: rest.apiVersion, kind: rest.kind }).trimEnd(),
    'metadata:',
    `  name: ${metadata.name}`,
    '  labels:',
    '    {{- include "maksdb.labels" . | nindent 4 }}',
    '  {{- if .Values.crds.keep }}',
    '  annotations:',
    '    helm.sh/resource-policy: keep',
    '  {{- end }}',
    yaml({ spec: rest.spec }).trimEnd(),
    '{{- end }}',
    '',
  ].join('\n')
  return new Map([
    [`crds/${group}_vectorclusters.yaml`, `${HEAD}${yaml(made)}`],
    ['helm/maksdb/templates/crd.yaml', `${HEAD}${template}`],
  ])
}
