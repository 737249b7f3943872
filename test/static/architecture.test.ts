/** The import table of ARCHITECTURE.md, and a few rules that keep words in one place. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { METRICS } from '../../protocol/metrics.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** For each folder: the folders and packages that it may import. node: modules are free but for `core`. */
const MAY_IMPORT: Record<string, string[]> = {
  core: [],
  protocol: ['core', 'zod'],
  runtime: ['core', 'protocol', 'pino', 'prom-client', 'undici'],
  store: ['core', 'protocol', 'runtime', 'ioredis'],
  'shard-server': ['core', 'protocol', 'runtime', 'store', 'undici', 'zod'],
  'shard-server/index': ['core', 'protocol', 'store', 'faiss-node', 'zod'],
  router: ['core', 'protocol', 'runtime', 'store', 'express', 'undici'],
  operator: ['core', 'protocol', 'runtime', 'store', 'undici', 'operator/kube'],
  'operator/kube': ['runtime', '@kubernetes/client-node', 'undici'],
  cli: [
    'core',
    'protocol',
    'runtime',
    'store',
    '@maksdb/client',
    'commander',
    'csv-parse',
    'hyparquet',
    'hyparquet-compressors',
    'yaml',
    'zod',
  ],
  'client/src': [],
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(join(root, path)).isDirectory()) return MAY_IMPORT[path] ? [] : sources(path)
    return name.endsWith('.ts') && !name.endsWith('.test.ts') ? [path] : []
  })
}

function imports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/^(?:import|export)\s[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)].map(
    (match) => (match[1] ?? match[2] ?? match[3]) as string,
  )
}

function homeOf(path: string): string {
  return Object.keys(MAY_IMPORT)
    .filter((folder) => path.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0] as string
}

const files = Object.keys(MAY_IMPORT).flatMap((folder) => sources(folder).map((file) => ({ folder, file })))

describe('the import table', () => {
  it.each(Object.keys(MAY_IMPORT))('%s imports only what it may', (folder) => {
    const allowed = new Set([...(MAY_IMPORT[folder] as string[]), folder])
    // A folder inside another is part of it: the shard server may use its index, and only the index FAISS.
    if (folder === 'shard-server') allowed.add('shard-server/index')
    const wrong = files
      .filter((one) => one.folder === folder)
      .flatMap(({ file }) =>
        imports(file).flatMap((specifier) => {
          if (specifier.startsWith('node:'))
            return folder === 'core' && !['node:assert', 'node:buffer'].includes(specifier)
              ? [`${file}: ${specifier}`]
              : []
          const target = specifier.startsWith('.')
            ? homeOf(normalize(join(dirname(file), specifier)))
            : packageOf(specifier)
          return allowed.has(target) ? [] : [`${file}: ${specifier}`]
        }),
      )
    expect(wrong).toEqual([])
  })

  it('has every source file under one of its folders', () => {
    expect(files.length).toBeGreaterThan(60)
    const known = new Set([
      ...Object.keys(MAY_IMPORT).map((folder) => folder.split('/')[0]),
      'test',
      'tools',
      'bench',
      'node_modules',
      'setup',
      'native',
      'bin',
      'docs',
      'examples',
    ])
    const others = readdirSync(root).filter(
      (name) => !name.startsWith('.') && statSync(join(root, name)).isDirectory() && !known.has(name),
    )
    expect(others.filter((name) => readdirSync(join(root, name)).some((file) => file.endsWith('.ts')))).toEqual([])
  })
})

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

describe('words in one place', () => {
  const text = (file: string) => readFileSync(join(root, file), 'utf8')

  it('keys of Redis are made in protocol/keys.ts alone', () => {
    expect(
      files.filter(({ file }) => file !== 'protocol/keys.ts' && /maks:\{/.test(text(file))).map(({ file }) => file),
    ).toEqual([])
  })

  it('the environment is read by composition roots and where clients take their defaults, nowhere else', () => {
    const readers = files
      .filter(({ file }) => /process\.env|process\?\.env/.test(text(file)) && !file.endsWith('main.ts'))
      .map(({ file }) => file)
    expect(readers.sort()).toEqual([
      'cli/commands/cluster-commands.ts',
      'cli/commands/data-commands.ts',
      'cli/supervisor/os-process.ts',
      'cli/supervisor/units.ts',
      'client/src/index.ts',
    ])
  })

  it('core has no clock, no randomness and no environment of its own', () => {
    const impure = /Date\.now|Math\.random|performance\.now|setTimeout|process\./
    expect(
      files.filter(({ folder, file }) => folder === 'core' && impure.test(text(file))).map(({ file }) => file),
    ).toEqual([])
  })

  it('files stay below 400 lines', () => {
    const long = files
      .map(({ file }) => ({ file, lines: text(file).split('\n').length }))
      .filter(({ lines }) => lines > 400)
    expect(long).toEqual([])
  })

  it('the client has no dependencies', () => {
    const manifest = JSON.parse(text('client/package.json')) as Record<string, unknown>
    expect(Object.keys(manifest).filter((key) => /dependencies/i.test(key))).toEqual([])
  })

  it('every metric of the table is measured somewhere, and none is measured that is not in it', () => {
    const code = files
      .filter(({ file }) => file !== 'protocol/metrics.ts')
      .map(({ file }) => text(file))
      .join('\n')
    const used = new Set([...code.matchAll(/'(maksdb_[a-z_]+)'/g)].map((match) => match[1] as string))
    expect([...used].sort()).toEqual(Object.keys(METRICS).sort())
  })

  it('every test that a document names exists', () => {
    const documents = [
      'README.md',
      'ARCHITECTURE.md',
      'CONTRIBUTING.md',
      'store/DESIGN.md',
      'shard-server/DESIGN.md',
      'router/DESIGN.md',
      'cli/DESIGN.md',
      'docs/failure-modes.md',
      'operator/DESIGN.md',
    ]
    const tests = new Set(
      [
        'test/static',
        'test/redis',
        'test/local',
        'test/compat',
        'test/kube/api',
        'test/kube/cluster',
        'shard-server/index',
        'core',
        'protocol',
        'operator',
        'operator/build',
        'runtime',
        'client/src',
        'cli',
        'cli/import',
      ].flatMap((folder) => readdirSync(join(root, folder))),
    )
    const named = documents.flatMap((document) =>
      [...text(document).matchAll(/[\w-]+\.test\.ts/g)].map((match) => match[0]),
    )
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((name) => !tests.has(name))).toEqual([])
  })

  it('no program puts a host before a port by itself: core/address.ts knows the brackets of IPv6', () => {
    const own = /:\/\/\$\{(?!LOCALHOST)[^}]*(host|address|ip)[^}]*\}:|['"`]0\.0\.0\.0['"`]/i
    const allowed = new Set(['core/address.ts', 'runtime/loopback.ts'])
    const found = files.filter(({ file }) => !allowed.has(file) && own.test(text(file))).map(({ file }) => file)
    expect(found).toEqual([])
  })

  it('every dependency has its line of reason', () => {
    const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text('package.json')) as Record<
      string,
      Record<string, string>
    >
    const reasons = text('docs/decisions/0002-dependencies.md')
    const names = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
    expect(names.filter((name) => !reasons.includes(`\`${name}\``))).toEqual([])
  })
})
