/** The reference pages that are made from the code's own tables. test/static/generated.test.ts keeps them fresh. */
import { z } from 'zod'
import { ERRORS } from '../core/errors.ts'
import { EDIT_ATTEMPTS_MAX, LIMITS, QUEUES } from '../core/limits.ts'
import { operatorEnvSchema, routerEnvSchema, shardEnvSchema } from '../protocol/env/config.ts'
import { vectorClusterSpecSchema } from '../protocol/manifest/vector-cluster.ts'
import { vectorClusterStatusSchema } from '../protocol/manifest/vector-cluster-status.ts'
import { METRICS } from '../protocol/metrics/metrics.ts'
import { alertsChartFile, alertsPage } from './alert-files.ts'
import { crdFiles } from './crd.ts'
import { dashboardFiles } from './dashboards.ts'
import { valuesFiles } from './values.ts'

const MADE = '<!-- Made by `npm run generate`; do not edit. -->\n\n'

function table(header: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')
}

interface JsonSchema {
  type?: string
  description?: string
  default?: unknown
  enum?: unknown[]
  minimum?: number
  maximum?: number
  pattern?: string
  properties?: Record<string, JsonSchema>
  additionalProperties?: JsonSchema | boolean
  items?: JsonSchema
}

function fieldRows(schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    const within = fieldRows(field, path)
    const of = field.items ? fieldRows(field.items, `${path}[]`) : []
    const range = [
      field.enum?.join(', '),
      field.minimum === undefined || field.minimum < -1e12 ? undefined : `from ${field.minimum}`,
      field.maximum === undefined || field.maximum > 1e12 ? undefined : `to ${field.maximum}`,
      field.pattern === undefined ? undefined : `\`${field.pattern}\``,
    ].filter((part) => part !== undefined)
    return [
      [
        `\`${path}\``,
        typeOf(field),
        range.join(' '),
        field.default === undefined || field.properties ? '' : `\`${JSON.stringify(field.default)}\``,
        [field.description, ...rulesOf(field)].filter((part) => part !== undefined).join('. '),
      ],
      ...within,
      ...of,
    ]
  })
}

function typeOf(field: JsonSchema): string {
  if (field.type === undefined) return 'integer or string'
  return field.items ? `list of ${field.items.type}` : field.type
}

/** The sentences of the CEL rules, as the API server says them. */
function rulesOf(field: JsonSchema): string[] {
  const rules = (field as { 'x-kubernetes-validations'?: { message?: string }[] })['x-kubernetes-validations'] ?? []
  return rules.flatMap(({ message }) => message ?? [])
}

function environment(title: string, schema: z.ZodObject): string {
  const rows = Object.entries(schema.shape).map(([name, field]) => {
    const fallback = (z.toJSONSchema(field as z.ZodType, { io: 'input', unrepresentable: 'any' }) as JsonSchema).default
    return [
      `\`${name}\``,
      (field as z.ZodType).description ?? '',
      fallback === undefined ? '' : `\`${JSON.stringify(fallback).replaceAll('"', '')}\``,
    ]
  })
  return `## ${title}\n\n${table(['variable', 'meaning', 'default'], rows)}\n`
}

/** Every generated page: its path in the repository and its content. */
export function referencePages(): Map<string, string> {
  const errors = Object.entries(ERRORS).map(([code, row]) => [
    `\`${code}\``,
    String(row.http),
    String(row.grpc),
    row.retriable ? 'yes' : 'no',
    row.hint,
  ])
  const metrics = Object.entries(METRICS).map(([name, row]) => [
    `\`${name}\``,
    row.programs.join(', '),
    row.kind,
    row.labels.join(', '),
    row.help,
  ])
  const json = (schema: z.ZodType, io: 'input' | 'output') =>
    z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema
  const fields = (schema: JsonSchema, prefix: string) =>
    table(['field', 'type', 'values', 'default', 'meaning'], fieldRows(schema, prefix))
  return new Map([
    ...crdFiles(),
    alertsChartFile(),
    ...dashboardFiles(),
    ...valuesFiles(),
    [
      'docs/reference/errors.md',
      `${MADE}# Errors\n\nEvery error of the REST API carries one of these codes in \`maksdb.code\`.\n\n${table(['code', 'HTTP', 'gRPC', 'retriable', 'what to do'], errors)}\n`,
    ],
    [
      'docs/reference/limits.md',
      `${MADE}# Limits of a request\n\nA request beyond a limit is refused before any part of it is executed: the error names the limit and is not retriable. A request within all limits is executed, and meanwhile every process answers \`/healthz\` within a second. The length of a body (\`MAKSDB_BODY_BYTES_MAX\`) and the time of a request (\`MAKSDB_TIMEOUT_MS\`) are settings of the router ([environment](environment.md)). A point may take an eighth of the budget of a cell's log.\n\n${table(
        ['limit', 'value', 'of', 'answer'],
        Object.entries(LIMITS).map(([name, { value, what, code }]) => [
          `\`${name}\``,
          value.toLocaleString('en'),
          what,
          `${ERRORS[code].http} \`${code}\``,
        ]),
      )}\n\n## Queues\n\nEach pod of a shard, and each router, has these queues. A request that would exceed one is refused with ${ERRORS.OVERLOADED.http} \`OVERLOADED\` before anything of it is done: the error names the limit and is retriable. So is an edit of a point that others have written at each of ${EDIT_ATTEMPTS_MAX} attempts (\`EDIT_ATTEMPTS_MAX\`).\n\n${table(
        ['limit', 'value', 'of', 'in each'],
        Object.entries(QUEUES).map(([name, { value, what, at }]) => [
          `\`${name}\``,
          value.toLocaleString('en'),
          what,
          at,
        ]),
      )}\n`,
    ],
    [
      'docs/reference/metrics.md',
      `${MADE}# Metrics\n\nEach process serves them on \`/metrics\` of its admin port; the router also on its REST port, with the read key.\n\n${table(['metric', 'of', 'kind', 'labels', 'meaning'], metrics)}\n`,
    ],
    ['docs/reference/alerts.md', `${MADE}${alertsPage()}`],
    [
      'docs/reference/vector-cluster.md',
      `${MADE}# The VectorCluster manifest\n\nOnly \`spec.dimension\` is required. The API server enforces every rule of this page.\n\n${fields(json(vectorClusterSpecSchema, 'input'), 'spec')}\n\n## Status\n\n${fields(json(vectorClusterStatusSchema, 'output'), 'status')}\n`,
    ],
    [
      'docs/reference/environment.md',
      `${MADE}# The environment of the programs\n\nLocal mode and the operator set these; the first six of each list are theirs.\n\n${environment('Shard server', shardEnvSchema)}\n${environment('Router', routerEnvSchema)}\n${environment('Operator', operatorEnvSchema)}`,
    ],
  ])
}
