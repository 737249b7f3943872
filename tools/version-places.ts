/** Every place that states the version of MaksDB. What is not in this table takes it from `protocol/version.ts`. */
export interface VersionPlace {
  file: string
  /** Matches once for each statement; the first group is what stands before the version, the second the version. */
  pattern: RegExp
  /** How many statements the file has at least. */
  atLeast: number
}

const VERSION = String.raw`(\d+\.\d+\.\d+(?:-[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)*)?)`
/** An image in a command of a document. */
export const IMAGE = new RegExp(String.raw`(\bmaksdb:|\bimage\.tag=)${VERSION}`, 'g')

export const VERSION_PLACES: readonly VersionPlace[] = [
  { file: 'package.json', pattern: new RegExp(`^( {2}"version": ")${VERSION}`, 'gm'), atLeast: 1 },
  { file: 'client/package.json', pattern: new RegExp(`^( {2}"version": ")${VERSION}`, 'gm'), atLeast: 1 },
  {
    file: 'package-lock.json',
    pattern: new RegExp(String.raw`("name": "(?:maksdb|@maksdb/client)",\s*"version": ")${VERSION}`, 'g'),
    atLeast: 3,
  },
  { file: 'helm/maksdb/Chart.yaml', pattern: new RegExp(`^((?:version|appVersion): )${VERSION}$`, 'gm'), atLeast: 2 },
  { file: 'protocol/version.ts', pattern: new RegExp(`^(export const VERSION = ')${VERSION}`, 'gm'), atLeast: 1 },
  { file: 'client/README.md', pattern: new RegExp(`(maksdb-client-)${VERSION}(?=\\.tgz)`, 'g'), atLeast: 1 },
  { file: 'README.md', pattern: IMAGE, atLeast: 1 },
  { file: 'docs/kubernetes/install.md', pattern: IMAGE, atLeast: 1 },
]

/** The versions that a text states at a place. @throws Error if it states fewer than it must */
export function versionsAt({ file, pattern, atLeast }: VersionPlace, text: string): string[] {
  const versions = [...text.matchAll(pattern)].map((match) => match[2] as string)
  if (versions.length < atLeast)
    throw new Error(`${file} states the version ${versions.length} times, tools/version-places.ts wants ${atLeast}`)
  return versions
}

/** The text with another version at every statement. */
export function withVersion(place: VersionPlace, text: string, version: string): string {
  versionsAt(place, text)
  return text.replace(place.pattern, (_all, before: string) => `${before}${version}`)
}
