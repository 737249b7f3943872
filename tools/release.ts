/**
 * `npm run release -- <version> [--dry-run]`: moves the version to every place that states it, gives what is unreleased in
 * CHANGELOG.md its heading, commits both and tags the commit. It runs in the repository that it is called in, and pushes
 * nothing.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { changelogParts, compareVersions, released } from './changelog.ts'
import { VERSION_PLACES, withVersion } from './version-places.ts'

const USAGE = 'usage: npm run release -- <version> [--dry-run]   (a version is 1.2.3 or 1.2.3-rc.1)'
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z]+(\.[0-9A-Za-z]+)*)?$/

function git(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`git ${args[0]} failed: ${stderr.trim()}`)
  return stdout.trim()
}

/** All files of the release with their new texts; nothing is written yet. */
function changes(version: string, date: string): Map<string, string> {
  const changelog = readFileSync('CHANGELOG.md', 'utf8')
  const last = changelogParts(changelog).find(({ name }) => name !== 'Unreleased')
  if (last !== undefined && compareVersions(version, last.name) <= 0)
    throw new Error(`${version} is not newer than ${last.name}, the last release in CHANGELOG.md`)
  const texts = new Map([['CHANGELOG.md', released(changelog, version, date)]])
  for (const place of VERSION_PLACES)
    texts.set(place.file, withVersion(place, texts.get(place.file) ?? readFileSync(place.file, 'utf8'), version))
  return texts
}

function release(version: string, dryRun: boolean): void {
  const tag = `v${version}`
  if (git('status', '--porcelain') !== '') throw new Error('the working tree has changes: commit or remove them first')
  if (git('tag', '--list', tag) !== '') throw new Error(`the tag ${tag} exists: choose another version`)
  const texts = changes(version, new Date().toISOString().slice(0, 10))
  if (dryRun) {
    for (const file of texts.keys()) console.log(`would change ${file}`)
    console.log(`would commit and tag ${tag}`)
    return
  }
  for (const [file, text] of texts) writeFileSync(file, text)
  git('add', ...texts.keys())
  git('commit', '--quiet', '--message', `release: ${version}`)
  git('tag', '--annotate', tag, '--message', `MaksDB ${version}`)
  console.log(`${tag} is committed and tagged; publish it by: git push --follow-tags && npm publish --workspace client`)
}

const [version, ...options] = process.argv.slice(2)
if (version === undefined || !VERSION.test(version) || options.some((option) => option !== '--dry-run')) {
  console.error(USAGE)
  process.exit(2)
}
try {
  release(version, options.includes('--dry-run'))
} catch (error) {
  console.error(`release: ${(error as Error).message}`)
  process.exit(1)
}
