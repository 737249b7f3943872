/** The import table of ARCHITECTURE.md: no import upward, no circle. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { circlesOf, importsOf, ROOT, sourcesIn, textOf } from './sources.ts'

/**
 * A room is a folder, or a file that has a place of its own in the order; what it may import beside itself is listed.
 * `node:` modules are free but for `core`.
 */
const BASE = [
  'core',
  'core/filter',
  'core/json',
  'core/log',
  'core/plan',
  'protocol',
  'protocol/env',
  'protocol/manifest',
  'protocol/metrics',
  'runtime',
  'store',
]
/** Of a folder of the router that speaks a protocol. */
const PROTOCOL = [
  ...BASE,
  'router/requests',
  'router/manage',
  'router/points.ts',
  'router/edit',
  'router/query',
  'router/write',
  'router/cluster',
  'router/auth.ts',
  'router/tls.ts',
  'router/in-time.ts',
]

const MAY_IMPORT: Record<string, string[]> = {
  core: ['core/json'],
  'core/filter': ['core', 'core/json'],
  'core/json': ['core'],
  'core/log': ['core'],
  'core/plan': ['core'],
  protocol: ['core', 'core/filter', 'core/json', 'core/log', 'zod'],
  'protocol/env': ['core', 'core/log', 'protocol', 'protocol/manifest', 'zod'],
  'protocol/manifest': ['core', 'core/log', 'core/plan', 'protocol', 'zod'],
  'protocol/metrics': ['core'],
  runtime: ['core', 'core/json', 'protocol', 'protocol/env', 'protocol/metrics', 'pino', 'prom-client'],
  store: ['core', 'core/log', 'protocol', 'protocol/env', 'runtime', 'ioredis'],

  // The stair of the shard server: serve > upkeep > log > recovery > pod > index.
  'shard-server/index': [
    'core',
    'core/filter',
    'core/json',
    'core/log',
    'protocol',
    'protocol/env',
    'runtime',
    'store',
    'faiss-node',
    'zod',
  ],
  'shard-server/pod': [...BASE, 'shard-server/index'],
  'shard-server/recovery': [...BASE, 'shard-server/pod', 'shard-server/index', 'zod'],
  'shard-server/log': [...BASE, 'shard-server/recovery', 'shard-server/pod', 'shard-server/index'],
  'shard-server/upkeep': [
    ...BASE,
    'shard-server/log',
    'shard-server/recovery',
    'shard-server/pod',
    'shard-server/index',
  ],
  'shard-server/serve': [
    ...BASE,
    'shard-server/upkeep',
    'shard-server/log',
    'shard-server/recovery',
    'shard-server/pod',
    'shard-server/index',
  ],
  'shard-server': [
    ...BASE,
    'shard-server/serve',
    'shard-server/upkeep',
    'shard-server/log',
    'shard-server/recovery',
    'shard-server/pod',
    'shard-server/index',
  ],

  // The router: one protocol a folder (rest, grpc), around the same parsers of requests and the same operations.
  'router/cluster': [...BASE, 'undici'],
  'router/query': [...BASE, 'router/cluster'],
  'router/write': [...BASE, 'router/cluster'],
  'router/edit': [...BASE, 'router/query', 'router/write', 'router/cluster'],
  'router/points.ts': [...BASE, 'router/edit', 'router/query', 'router/write', 'router/cluster'],
  'router/auth.ts': ['core', 'protocol/env', 'runtime', 'express'],
  'router/tls.ts': ['core', 'protocol/env', 'runtime'],
  'router/in-time.ts': ['core', 'runtime'],
  'router/requests': [...BASE, 'router/edit', 'router/query', 'router/write', 'router/cluster'],
  'router/manage': [...BASE, 'router/requests', 'router/points.ts', 'router/cluster', 'undici'],
  'router/rest': [...PROTOCOL, 'express'],
  'router/grpc': PROTOCOL,
  router: [
    ...BASE,
    'router/rest',
    'router/grpc',
    'router/points.ts',
    'router/edit',
    'router/query',
    'router/write',
    'router/cluster',
    'router/auth.ts',
    'router/tls.ts',
  ],

  // The operator: what is seen (watch), what is wanted (manifests), what is done (act), what is published (status).
  'operator/kube': ['runtime', '@kubernetes/client-node', 'undici'],
  'operator/resources.ts': ['operator/kube', 'protocol', 'protocol/manifest'],
  'operator/problem.ts': [],
  'operator/manifests': [...BASE, 'operator/kube', 'operator/resources.ts', 'operator/problem.ts'],
  'operator/watch': [...BASE, 'operator/manifests', 'operator/kube', 'operator/resources.ts', 'operator/problem.ts'],
  'operator/act': [
    ...BASE,
    'operator/watch',
    'operator/manifests',
    'operator/kube',
    'operator/resources.ts',
    'operator/problem.ts',
    'undici',
  ],
  'operator/status': [
    ...BASE,
    'operator/watch',
    'operator/manifests',
    'operator/kube',
    'operator/resources.ts',
    'operator/problem.ts',
  ],
  operator: [
    ...BASE,
    'operator/act',
    'operator/status',
    'operator/watch',
    'operator/manifests',
    'operator/kube',
    'operator/resources.ts',
    'operator/problem.ts',
    'undici',
  ],

  supervisor: [...BASE, 'yaml', 'zod'],
  cli: [...BASE, 'supervisor', 'client/src', 'commander', 'csv-parse', 'hyparquet', 'hyparquet-compressors', 'zod'],
  'client/src': [],
}

/** Folders at the top that hold no program. */
const OTHERS = ['test', 'tools', 'bench', 'setup', 'native', 'bin', 'docs', 'examples', 'crds', 'helm']

function roomOf(path: string): string {
  const room = Object.keys(MAY_IMPORT)
    .filter((one) => path === one || path.startsWith(`${one}/`))
    .sort((a, b) => b.length - a.length)[0]
  if (room === undefined) throw new Error(`${path} is in no room of the import table`)
  return room
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

const tops = [...new Set(Object.keys(MAY_IMPORT).map((room) => room.split('/')[0] as string))]
const files = tops.flatMap(sourcesIn)
const graph = new Map(files.map((file) => [file, importsOf(file).filter((target) => files.includes(target))]))

/** Imports of a file that its room may not have. */
function forbidden(file: string, specifiers: readonly string[]): string[] {
  const room = roomOf(file)
  const allowed = [...(MAY_IMPORT[room] as string[]), room]
  return specifiers.filter((specifier) => {
    if (specifier.startsWith('node:'))
      return room.split('/')[0] === 'core' && !['node:assert', 'node:buffer'].includes(specifier)
    return !allowed.includes(files.includes(specifier) ? roomOf(specifier) : packageOf(specifier))
  })
}

describe('the import table', () => {
  it.each(Object.keys(MAY_IMPORT))('%s imports only what it may', (room) => {
    const wrong = files
      .filter((file) => roomOf(file) === room)
      .flatMap((file) => forbidden(file, importsOf(file)).map((specifier) => `${file}: ${specifier}`))
    expect(wrong).toEqual([])
  })

  it('a line that is crossed is seen: upward in a stair, sideways, types too', () => {
    const crossing = "import type { Committer } from '../log/committer.ts'\nexport * from '../serve/parts.ts'"
    expect(forbidden('shard-server/recovery/gate.ts', importsOf('shard-server/recovery/gate.ts', crossing))).toEqual([
      'shard-server/log/committer.ts',
      'shard-server/serve/parts.ts',
    ])
    const sideways = importsOf('router/write/writes.ts', "import { x } from '../query/reads.ts'")
    expect(forbidden('router/write/writes.ts', sideways)).toEqual(['router/query/reads.ts'])
  })

  it('no file imports itself by a detour, by types either', () => {
    expect(circlesOf(graph)).toEqual([])
  })

  it('a circle is seen, wherever it begins', () => {
    const circle = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', []],
      ['d', ['b']],
    ])
    expect(circlesOf(circle)).toEqual([['b', 'd', 'b']])
  })

  it('every folder with source files, however deep, is of the table or of those that hold no program', () => {
    expect(files.length).toBeGreaterThan(60)
    const known = new Set([...tops, ...OTHERS, 'node_modules'])
    const unknown = readdirSync(ROOT)
      .filter((name) => !name.startsWith('.') && !known.has(name) && statSync(join(ROOT, name)).isDirectory())
      .flatMap(sourcesIn)
    expect(unknown).toEqual([])
  })
})

/** Files and packages that a program has loaded before it runs: no types, and nothing that it imports when it comes to it. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen
  seen.add(file)
  const text = textOf(file)
    .replaceAll(/^(?:import|export) type\s[^'"]*?from '[^']+'/gm, '')
    .replaceAll(/\bimport\('[^']+'\)/g, '')
  for (const target of importsOf(file, text)) {
    if (/^[\w-]+\/.*\.ts$/.test(target)) loadedBy(target, seen)
    else if (!target.startsWith('node:')) seen.add(target)
  }
  return seen
}

it('the command line loads no package but its parser before it knows the command', () => {
  const loaded = [...loadedBy('cli/main.ts')]
  expect(loaded).toContain('cli/commands/data-commands.ts')
  expect(loaded.filter((name) => !name.endsWith('.ts'))).toEqual(['commander'])
})

it('no program imports node:http but for its types: the import loads undici, too', () => {
  const importing = files.filter((file) => /^import (?!type )[^'"]*from 'node:http'/m.test(textOf(file)))
  expect(importing).toEqual([])
})
