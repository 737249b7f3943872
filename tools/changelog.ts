/** CHANGELOG.md in the form of Keep a Changelog: what is unreleased stands first, then the releases, newest first. */
const HEADING = /^## \[([^\]]+)\](?: - (\S+))?$/gm
const UNRELEASED = '## [Unreleased]'

export interface ChangelogPart {
  /** A version, or `Unreleased`. */
  name: string
  /** YYYY-MM-DD; undefined for what is unreleased. */
  date: string | undefined
  text: string
}

/** The parts of a changelog, in the order of the file. */
export function changelogParts(changelog: string): ChangelogPart[] {
  const headings = [...changelog.matchAll(HEADING)]
  return headings.map((heading, at) => ({
    name: heading[1] as string,
    date: heading[2],
    text: changelog.slice(heading.index + heading[0].length, headings[at + 1]?.index).trim(),
  }))
}

/** The changelog with what was unreleased under the heading of a release. @throws Error if nothing is unreleased */
export function released(changelog: string, version: string, date: string): string {
  const unreleased = changelogParts(changelog)[0]
  if (unreleased?.name !== 'Unreleased' || unreleased.text === '')
    throw new Error(`CHANGELOG.md names no change under "${UNRELEASED}": there is nothing to release`)
  return changelog.replace(UNRELEASED, () => `${UNRELEASED}\n\n## [${version}] - ${date}`)
}

/** Order of versions as in Semantic Versioning: negative if `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [release = '', ...preA] = a.split('-')
  const [otherRelease = '', ...preB] = b.split('-')
  const byRelease = compareParts(release.split('.'), otherRelease.split('.'))
  if (byRelease !== 0) return byRelease
  // A release is newer than each of its own candidates.
  if (preA.length === 0 || preB.length === 0) return preB.length - preA.length
  return compareParts(preA.join('-').split('.'), preB.join('-').split('.'))
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const [one, other] = [a[at], b[at]]
    if (one === other) continue
    if (one === undefined || other === undefined) return one === undefined ? -1 : 1
    const [number, otherNumber] = [/^\d+$/.test(one), /^\d+$/.test(other)]
    if (number && otherNumber) return Number(one) - Number(other)
    // Numbers come before words.
    if (number !== otherNumber) return number ? -1 : 1
    return one < other ? -1 : 1
  }
  return 0
}
