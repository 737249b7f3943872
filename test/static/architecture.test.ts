/** A few rules that keep words, and limits of files, in one place. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { METRICS } from '../../protocol/metrics/metrics.ts'
import { importsOf, ROOT, sourcesIn, textOf as text } from './sources.ts'

const FOLDERS = [
  'core',
  'protocol',
  'runtime',
  'store',
  'shard-server',
  'router',
  'operator',
  'supervisor',
  'cli',
  'client/src',
]
const files = FOLDERS.flatMap((folder) => sourcesIn(folder).map((file) => ({ folder, file })))

/** All names of test files, in whatever folder. */
function testsIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') && !path.includes('node_modules'))
    .map((path) => path.split('/').at(-1) as string)
}

describe('words in one place', () => {
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
      'client/src/index.ts',
      'supervisor/os-process.ts',
      'supervisor/units.ts',
    ])
  })

  it('core has no clock, no randomness and no environment of its own', () => {
    const impure = /Date\.now|Math\.random|performance\.now|setTimeout|process\./
    expect(
      files.filter(({ folder, file }) => folder === 'core' && impure.test(text(file))).map(({ file }) => file),
    ).toEqual([])
  })

  it('only the replay of a pod has the index thread apply entries or load rows (S1)', () => {
    const REPLAY = 'shard-server/log/replica.ts'
    const programs = files.map(({ file }) => file)
    const calling = (call: string) => programs.filter((file) => text(file).includes(`.call('${call}'`))
    const appliers = calling('apply')
    expect(appliers).toHaveLength(1)
    const users = programs.filter((file) => importsOf(file).some((path) => appliers.includes(path)))
    expect(appliers[0] === REPLAY ? appliers : users).toEqual([REPLAY])
    expect(calling('load')).toEqual([REPLAY])
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
      .filter(({ file }) => file !== 'protocol/metrics/metrics.ts')
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
      'supervisor/DESIGN.md',
      'docs/failure-modes.md',
      'operator/DESIGN.md',
    ]
    const tests = new Set([...FOLDERS, 'test'].flatMap(testsIn))
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
