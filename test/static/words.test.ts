/** The words of docs/glossary.md: those that they replaced do not come back, and what the glossary points at exists. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { METRICS } from '../../protocol/metrics/metrics.ts'
import { ROOT, textOf } from './sources.ts'

const PROGRAMS = [
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
const PAGES = ['docs', 'store', 'shard-server', 'router', 'operator', 'supervisor', 'cli']

/** A word that was replaced, as a pattern over the code of all programs, their scripts and their documents. */
const REPLACED: [pattern: RegExp, by: string][] = [
  [/\bonceRecord|\bOnceRecord|\bonceOf\b|\bONCE_/, 'idempotency key, idempotency record'],
  [/\bheardBy\b|\bHeard\b/, 'coverage'],
  [/\bdepartures?\b|\bDepartures?\b|\bletGo\b/, 'tombstone, evicted row'],
  [/\bwalked\b(?! (once|through|over))|\bWalkAnswer\b/, 'migration scan'],
  [/\bMover\b|\bmover\b/, 'rebalancer'],
  [/\blinger(s|ed|ing)?\b/, 'source row'],
  [/\bdoubtLogs?\b|\bdoubt\.lua\b/, 'regression'],
  [
    /\b(mend|relist|rebase|reopen|remember|amend|listed|doubt|progress|resume|hold|walked)\.lua\b/,
    'repair-begin.lua and its like',
  ],
  [/\bVerdicts?\b(?=.*repair)|\bheir\b/, 'resolution, promoted row'],
  [/\bfarewell\b(?!')/, 'finalizer'],
  [/\blog-care\b|\bLogCare\b/, 'log maintenance'],
  [/\bstepBack\b|\breadOn\b/, 'roll back, catch up'],
  [/maksdb_copies|maksdb_copy_/, 'redundant row, replica divergence check'],
  [/\bcopy-check\b|\bCopyCheck\b/, 'replica divergence check'],
  [/\bera\b/, 'recovery generation'],
  [/\bLogPoint\b/, 'log tip'],
  [/\bDirectoryValue\b|\bListings?\b/, 'directory entry'],
  [/\bTroubles?\b|\bFindings\b/, 'problem, pass result'],
  [/\bSurroundings\b/, 'deployment context'],
  [/\bstrays\b/, 'orphans'],
  [/\bSetbacks?\b|\bhopeful\b/, 'backoff, was reachable'],
  [/\bscatter(s|ed|ing)?\b|\bScatter\b/, 'hedged cell read'],
  [/\bLevelWish\b/, 'read request'],
  [/\bToldRows\b/, 'encoded rows'],
]

/** All files below a folder with one of the endings; tests and generated pages are left out. */
function filesIn(folder: string, endings: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => endings.test(path) && !/\.test\.ts$|node_modules|\/reference\/|glossary\.md$/.test(path))
}

const texts = [
  ...PROGRAMS.flatMap((folder) => filesIn(folder, /\.(ts|lua)$/)),
  ...PAGES.flatMap((folder) => filesIn(folder, /\.md$/)),
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
].map((file) => ({ file, lines: textOf(file).split('\n') }))

function found(pattern: RegExp, sources = texts): string[] {
  return sources.flatMap(({ file, lines }) =>
    lines.flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  )
}

describe('a word that was replaced does not come back', () => {
  it.each(REPLACED)('%s: %s', (pattern) => {
    expect(found(pattern)).toEqual([])
  })

  it('and would be found in code, in a script and on a page', () => {
    const lines = ['const record = new OnceRecord()', 'a copy that has departures', "  redis.call('HGET', meta, 'era')"]
    const hits = REPLACED.flatMap(([pattern]) => found(pattern, [{ file: 'x', lines }]))
    expect(hits).toHaveLength(3)
  })
})

describe('the glossary', () => {
  const rows = textOf('docs/glossary.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| term'))
    .map((line) => line.split(' | '))

  it('is in the order of the alphabet', () => {
    const terms = rows.map(([term]) => (term as string).slice(2))
    expect(terms.length).toBeGreaterThan(50)
    expect(terms).toEqual(terms.toSorted((a, b) => a.localeCompare(b, 'en')))
  })

  it('points at files and metrics that exist', () => {
    const named = rows.flatMap(([, , where]) =>
      [...(where as string).matchAll(/`([^`]+)`/g)].map((match) => match[1] as string),
    )
    expect(named.filter((name) => !(name in METRICS) && !existsSync(join(ROOT, name)))).toEqual([])
  })
})
