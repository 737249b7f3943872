/** A volume of a few kilobytes: a file system in memory that is really full when it is full. Needs root. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallVolume {
  path: string
  close(): void
}

/** Undefined where this user may not mount anything. */
export function smallVolume(kilobytes: number): SmallVolume | undefined {
  const path = mkdtempSync(join(tmpdir(), 'maksdb-volume-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', path])
  if (mounted.status !== 0) {
    rmSync(path, { recursive: true })
    return undefined
  }
  return {
    path,
    close() {
      spawnSync('umount', ['-l', path])
      rmSync(path, { recursive: true, force: true })
    },
  }
}
