/**
 * The files that MaksDB writes into a data directory, by name. A file that is not in this table is another program's, however it came
 * there, and is never removed (rule U8).
 */
import { readdirSync, rmdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

/** For each name that we give: a file, or a folder and what we put into it. */
type Layout = readonly (readonly [name: RegExp, what: 'file' | Layout])[]

const SNAPSHOT: Layout = [[/^[a-z]+(-[0-9a-f]+)?\.(jsonl?|bin|chunk|tmp)$/, 'file']]
const SNAPSHOTS: Layout = [[/^(tmp-|old-)?(snapshot-)?\d+-\d+$/, SNAPSHOT]]
/** `<how far it goes in the log>~<number>~<name it had>`, see shard-server/index/set-aside.ts. */
const SET_ASIDE: Layout = [
  [/^(\d+-\d+\.[0-9a-f]*|unknown)~\d+~snapshot-\d+-\d+$/, SNAPSHOT],
  [/^(\d+-\d+\.[0-9a-f]*|unknown)~\d+~segment-\d+\.log$/, 'file'],
]
const SHARD: Layout = [
  [/^(high-water-mark\.json|last-takeover|identity\.json)(\.tmp)?$/, 'file'],
  [/^snapshots$/, SNAPSHOTS],
  [/^set-aside$/, SET_ASIDE],
  [/^copy$/, [...SNAPSHOTS, [/^partial$/, SNAPSHOT]]],
  [
    /^lost$/,
    [
      [/^\d+-\d+$/, SNAPSHOTS],
      [/^set-aside(-\d+)?$/, SET_ASIDE],
    ],
  ],
  [/^scratch$/, [[/^add\.faiss$/, 'file']]],
  [/^journal$/, [[/^segment-\d+\.log$/, 'file']]],
]
const REDIS: Layout = [
  [/^(dump\.rdb|temp-[\w.-]+\.(rdb|aof))$/, 'file'],
  [/^appendonlydir$/, [[/^(temp[-_])?appendonly\.aof(\.\d+)?(\.(base|incr))?\.(rdb|aof|manifest|incr)$/, 'file']]],
]
/** Of one VectorCluster, below `clusters/<name>`. */
export const CLUSTER: Layout = [
  [/^(manifest|extras|collection|redis-port|centroids|identity)\.json(\.tmp)?$/, 'file'],
  [/^redis(-password|\.conf)(\.tmp)?$/, 'file'],
  [/^redis$/, REDIS],
  [/^shard-\d+-\d+$/, SHARD],
]
export const DATA_DIRECTORY: Layout = [
  [/^(settings|supervisor|processes|router)\.json(\.tmp)?$/, 'file'],
  [/^(token(\.tmp)?|supervisor\.lock|maksdb-data-directory\.json\.\d+\.tmp)$/, 'file'],
  [/^run$/, [[/^[a-z0-9-]+\.(json|end)(\.tmp)?$/, 'file']]],
  [/^logs$/, [[/^[a-z0-9-]+\.log$/, 'file']]],
  [/^compile-cache$/, [[/^v\d[\w.-]*$/, [[/^[0-9a-f]+(\.[\w-]+)?$/, 'file']]]]],
  [/^clusters$/, [[/^[a-z0-9-]+$/, CLUSTER]]],
]

export interface Removed {
  files: number
  /** What is not ours and stays, below the folder. */
  kept: string[]
}

/** Removes our own files from a folder, and the folders of ours that are then empty; never follows a symbolic link. */
export function removeOwn(folder: string, layout: Layout): Removed {
  const removed: Removed = { files: 0, kept: [] }
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    const what = layout
      .filter(([name]) => name.test(entry.name))
      .map(([, one]) => one)
      .find((one) => (one === 'file' ? entry.isFile() : entry.isDirectory()))
    if (what === 'file') {
      unlinkSync(path)
      removed.files++
    } else if (what === undefined) removed.kept.push(entry.name)
    else {
      const below = removeOwn(path, what)
      removed.files += below.files
      removed.kept.push(...below.kept.map((name) => join(entry.name, name)))
      if (below.kept.length === 0) rmdirSync(path)
    }
  }
  return removed
}
