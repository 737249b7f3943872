/** One version, in every place that states one, and the command that moves it. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VERSION } from '../../protocol/version.ts'
import { changelogParts, compareVersions } from '../../tools/changelog.ts'
import { IMAGE, VERSION_PLACES, versionsAt } from '../../tools/version-places.ts'
import { run } from '../support/run.ts'
import { ROOT, textOf } from './sources.ts'

describe('the version', () => {
  it.each(VERSION_PLACES)('in $file is that of the programs', (place) => {
    expect(new Set(versionsAt(place, textOf(place.file)))).toEqual(new Set([VERSION]))
  })

  it('of an image is stated by no document that a release does not change', () => {
    const known = new Set(VERSION_PLACES.map(({ file }) => file))
    const others = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter(
      (path) => /\.(md|ya?ml)$/.test(path) && !/(^|\/)(node_modules|\.maksdb|\.git)\//.test(path) && !known.has(path),
    )
    expect(others.length).toBeGreaterThan(20)
    expect(others.filter((path) => textOf(path).match(IMAGE))).toEqual([])
  })
})

describe('CHANGELOG.md', () => {
  const parts = changelogParts(textOf('CHANGELOG.md'))
  const releases = parts.slice(1)

  it('begins with what is unreleased, then has the releases with their dates, newest first', () => {
    expect(parts[0]).toMatchObject({ name: 'Unreleased', date: undefined })
    expect(releases.filter(({ date }) => !/^\d{4}-\d\d-\d\d$/.test(date ?? ''))).toEqual([])
    const names = releases.map(({ name }) => name)
    expect(names).toEqual([...names].sort((a, b) => compareVersions(b, a)))
    expect([VERSION, undefined]).toContain(names[0])
  })

  it('sorts changes under the headings of Keep a Changelog', () => {
    const headings = parts.flatMap(({ text }) => [...text.matchAll(/^### (.*)$/gm)].map((match) => match[1]))
    const known = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']
    expect(headings.length).toBeGreaterThan(0)
    expect(headings.filter((heading) => !known.includes(heading as string))).toEqual([])
  })
})

it('versions are ordered as Semantic Versioning orders them', () => {
  const order = ['0.9.10', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0', '1.0.1', '1.10.0']
  expect([...order].reverse().sort(compareVersions)).toEqual(order)
  expect(compareVersions('1.0.0-1', '1.0.0-a')).toBeLessThan(0)
  expect(compareVersions('1.2.3', '1.2.3')).toBe(0)
})

describe('npm run release', () => {
  const identity = { GIT_AUTHOR_NAME: 'test', GIT_AUTHOR_EMAIL: 'test@example.com' }
  const env = {
    ...identity,
    GIT_COMMITTER_NAME: 'test',
    GIT_COMMITTER_EMAIL: 'test@example.com',
    GIT_CONFIG_GLOBAL: '/dev/null',
  }
  let folder: string
  const git = (...args: string[]) => run('git', args, folder, env).output
  const release = (...args: string[]) => run(process.execPath, [join(ROOT, 'tools/release.ts'), ...args], folder, env)

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'maksdb-release-'))
    for (const file of ['CHANGELOG.md', ...VERSION_PLACES.map((place) => place.file)]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      cpSync(join(ROOT, file), join(folder, file))
    }
    writeFileSync(join(folder, 'CHANGELOG.md'), '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- One thing.\n')
    git('init', '--quiet', '--initial-branch', 'main')
    git('add', '.')
    git('commit', '--quiet', '--message', 'before')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('moves every place to the version, dates the changes, commits all of it and tags the commit', () => {
    const { status, output } = release('7.8.9-rc.1')
    expect(output).toContain('v7.8.9-rc.1 is committed and tagged')
    expect(status).toBe(0)
    for (const place of VERSION_PLACES)
      expect(new Set(versionsAt(place, readFileSync(join(folder, place.file), 'utf8')))).toEqual(
        new Set(['7.8.9-rc.1']),
      )
    const date = new Date().toISOString().slice(0, 10)
    expect(changelogParts(readFileSync(join(folder, 'CHANGELOG.md'), 'utf8'))).toEqual([
      { name: 'Unreleased', date: undefined, text: '' },
      { name: '7.8.9-rc.1', date, text: '### Added\n\n- One thing.' },
    ])
    expect(git('status', '--porcelain')).toBe('')
    expect(git('describe', '--exact-match')).toBe('v7.8.9-rc.1')
    expect(git('log', '--format=%s')).toBe('release: 7.8.9-rc.1\nbefore')
  })

  it('changes nothing with --dry-run, and names what it would change', () => {
    const { status, output } = release('7.8.9', '--dry-run')
    expect(status).toBe(0)
    for (const { file } of VERSION_PLACES) expect(output).toContain(`would change ${file}\n`)
    expect([git('status', '--porcelain'), git('tag'), git('log', '--format=%s')]).toEqual(['', '', 'before'])
  })

  it('refuses what is no newer version, a tree with changes, and a release without a change', () => {
    expect(release('1.2')).toMatchObject({ status: 2, output: expect.stringMatching(/^usage:/) as string })
    expect(release('1.0.0').status).toBe(0)
    const empty = release('1.1.0')
    expect(empty).toMatchObject({ status: 1, output: expect.stringMatching(/nothing to release/) as string })
    const older = release('1.0.0-rc.1')
    expect(older).toMatchObject({ status: 1, output: expect.stringMatching(/not newer than 1\.0\.0/) as string })
    writeFileSync(join(folder, 'README.md'), 'changed')
    expect(release('2.0.0')).toMatchObject({ status: 1, output: expect.stringMatching(/has changes/) as string })
    expect(git('tag')).toBe('v1.0.0')
  })
})
