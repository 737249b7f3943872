/** The reference pages that are made from the code's own tables. test/static/generated.test.ts keeps them fresh. */
import { z } from 'zod'
import { ERRORS } from '../core/errors.ts'
import { routerEnvSchema, shardEnvSchema } from '../protocol/config.ts'
import { METRICS } from '../protocol/metrics.ts'
import { vectorClusterSpecSchema } from '../protocol/vector-cluster.ts'

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
}

function fieldRows(schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    if (field.properties) return fieldRows(field, path)
    const range = [
      field.enum?.join(', '),
      field.minimum === undefined ? undefined : `from ${field.minimum}`,
      field.maximum === undefined || field.maximum > 1e12 ? undefined : `to ${field.maximum}`,
      field.pattern === undefined ? undefined : `\`${field.pattern}\``,
    ].filter((part) => part !== undefined)
    return [
      [
        `\`${path}\``,
        field.type ?? 'any',
        range.join(' '),
        field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``,
      ],
    ]
  })
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
  const spec = z.toJSONSchema(vectorClusterSpecSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  return new Map([
    [
      'docs/reference/errors.md',
      `${MADE}# Errors\n\nEvery error of the REST API carries one of these codes in \`maksdb.code\`.\n\n${table(['code', 'HTTP', 'gRPC', 'retriable', 'what to do'], errors)}\n`,
    ],
    [
      'docs/reference/metrics.md',
      `${MADE}# Metrics\n\nEach process serves them on \`/metrics\` of its admin port; the router also on its REST port, with the read key.\n\n${table(['metric', 'of', 'kind', 'labels', 'meaning'], metrics)}\n`,
    ],
    [
      'docs/reference/vector-cluster.md',
      `${MADE}# The VectorCluster manifest: \`spec\`\n\nOnly \`dimension\` is required.\n\n${table(['field', 'type', 'values', 'default'], fieldRows(spec, ''))}\n`,
    ],
    [
      'docs/reference/environment.md',
      `${MADE}# The environment of the programs\n\nLocal mode and the operator set these; the first six of each list are theirs.\n\n${environment('Shard server', shardEnvSchema)}\n${environment('Router', routerEnvSchema)}`,
    ],
  ])
}
