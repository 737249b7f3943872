/**
 * Files that proved to be damaged, or that continue nothing: set aside beside the snapshots, never removed for that alone
 * (rule S16). The name says up to which entry of the log they reach, if that is known: once the pod itself and a peer
 * hold verified snapshots at or after it, all that they contain exists twice elsewhere. Files of unknown reach stay until
 * an administrator removes them.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { comparePositions, formatPosition, parsePosition } from '../../core/log/position.ts'
import type { LogTip } from '../../store/log-entry.ts'

const FOLDER = 'set-aside'
const UNKNOWN = 'unknown'
const NAME = /^(\d+-\d+)\.([0-9a-f]*)~/

export class SetAside {
  readonly #dir: string

  /** @param dataDir the pod's volume */
  constructor(dataDir: string) {
    this.#dir = join(dataDir, FOLDER)
  }

  /** Of the volume that a folder or file of it lies on, one level down. */
  static beside(path: string): SetAside {
    return new SetAside(dirname(path))
  }

  /** Moves a file or folder away. Returns where it is now. */
  async put(path: string, reaches: LogTip | undefined): Promise<string> {
    await mkdir(this.#dir, { recursive: true })
    const upTo = reaches === undefined ? UNKNOWN : `${formatPosition(reaches.position)}.${reaches.hash}`
    for (let number = 1; ; number++) {
      const target = join(this.#dir, `${upTo}~${number}~${basename(path)}`)
      try {
        // Onto a folder that is there and not empty a rename fails; a file would be replaced.
        if ((await this.#names()).includes(basename(target))) continue
        await rename(path, target)
        return target
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error
      }
    }
  }

  /** The highest entry that anything here reaches; the log must still have had it when it is asked. */
  async reaches(): Promise<LogTip | undefined> {
    return (await this.#names())
      .flatMap((name) => pointOf(name) ?? [])
      .sort((a, b) => comparePositions(b.position, a.position))[0]
  }

  /**
   * Removes what reaches no further than verified snapshots of this pod and of a peer. Returns what was removed.
   * @param own the oldest snapshot that this pod keeps
   * @param peers the newest verified snapshots of the cell's other pods
   */
  async release(own: string, peers: readonly string[]): Promise<string[]> {
    const holds = (snapshot: string, { position }: LogTip) => comparePositions(parsePosition(snapshot), position) >= 0
    const removed: string[] = []
    for (const name of await this.#names()) {
      const point = pointOf(name)
      if (!point || !holds(own, point) || !peers.some((peer) => holds(peer, point))) continue
      await rm(join(this.#dir, name), { recursive: true, force: true })
      removed.push(name)
    }
    return removed
  }

  /**
   * The log continues without this pod's copy: the files may be the only ones that reach so far, and are removed with
   * the lost entries.
   */
  async moveTo(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true })
    await rename(this.#dir, join(folder, `${FOLDER}-${Date.now()}`)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  }

  async #names(): Promise<string[]> {
    return readdir(this.#dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
  }
}

function pointOf(name: string): LogTip | undefined {
  const [, position, hash] = NAME.exec(name) ?? []
  return position === undefined || hash === undefined ? undefined : { position: parsePosition(position), hash }
}
