/**
 * Memory limits of this process by the cgroups that it is in, versions 1 and 2, and the use that counts against each. What the
 * kernel can take back before it kills a process, the cache of files, does not count.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** In bytes. */
export interface MemoryUse {
  used: number
  limit: number
}

interface Version {
  /** Below the root of the file system. */
  mount: string
  limit: string
  use: string
  /** Fields of `memory.stat` that the kernel takes back. */
  reclaimable: readonly string[]
}

const V1: Version = {
  mount: 'sys/fs/cgroup/memory',
  limit: 'memory.limit_in_bytes',
  use: 'memory.usage_in_bytes',
  reclaimable: ['total_active_file', 'total_inactive_file'],
}
const V2: Version = {
  mount: 'sys/fs/cgroup',
  limit: 'memory.max',
  use: 'memory.current',
  reclaimable: ['active_file', 'inactive_file', 'slab_reclaimable'],
}
/** Version 1 writes a number near 2^63 for no limit. */
const UNLIMITED = 2 ** 60

export class CgroupMemory {
  readonly #groups: { folder: string; version: Version }[] = []

  /** @param root of the file system */
  constructor(root = '/') {
    for (const line of textOf(join(root, 'proc/self/cgroup')).split('\n')) {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
      if (controllers === undefined || path === undefined) continue
      const version = controllers === '' ? V2 : controllers.split(',').includes('memory') ? V1 : undefined
      if (version) this.#groups.push(...groupsOf(root, version, path))
    }
  }

  /** Of each cgroup with a limit, of this moment. */
  read(): MemoryUse[] {
    return this.#groups.flatMap(({ folder, version }) => {
      const limit = Number.parseInt(textOf(join(folder, version.limit)), 10)
      const use = Number.parseInt(textOf(join(folder, version.use)), 10)
      if (!(limit < UNLIMITED) || Number.isNaN(use)) return []
      const stat = textOf(join(folder, 'memory.stat'))
      const reclaimable = version.reclaimable.reduce((sum, field) => sum + fieldOf(stat, field), 0)
      return [{ used: Math.max(0, use - reclaimable), limit }]
    })
  }
}

/** The group of the path and those that it is in. In a container the path may be that of the host: then the mount is its group. */
function groupsOf(root: string, version: Version, path: string): { folder: string; version: Version }[] {
  const mount = join(root, version.mount)
  const own = resolve(mount, `.${path}`)
  const groups = []
  if (own.startsWith(mount) && existsSync(own))
    for (let folder = own; folder !== mount && folder.startsWith(mount); folder = dirname(folder))
      groups.push({ folder, version })
  return [...groups, { folder: mount, version }].filter(({ folder }) => existsSync(join(folder, version.limit)))
}

function fieldOf(stat: string, field: string): number {
  return Number(new RegExp(`^${field} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0)
}

/** '' for a file that is not there. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
