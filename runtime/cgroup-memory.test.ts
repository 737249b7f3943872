import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { CgroupMemory } from './cgroup-memory.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'maksdb-cgroup-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function files(contents: Record<string, string | number>): void {
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), `${text}\n`)
  }
}
const read = () => new CgroupMemory(root).read()
const GROUP = 'sys/fs/cgroup/kubepods/pod1'

it('of version 2 each group on the way to the root counts that has a limit, less what the kernel takes back', () => {
  files({
    'proc/self/cgroup': '0::/kubepods/pod1/shard',
    [`${GROUP}/shard/memory.max`]: 1000,
    [`${GROUP}/shard/memory.current`]: 700,
    [`${GROUP}/shard/memory.stat`]:
      'anon 400\nfile 250\nactive_file 100\ninactive_file 150\nslab_reclaimable 20\nslab 30',
    [`${GROUP}/memory.max`]: 'max',
    [`${GROUP}/memory.current`]: 900,
    'sys/fs/cgroup/kubepods/memory.max': 5000,
    'sys/fs/cgroup/kubepods/memory.current': 900,
  })
  expect(read()).toEqual([
    { used: 430, limit: 1000 },
    { used: 900, limit: 5000 },
  ])
})

it('in a container the mounted group is the own one, whatever path the host has for it', () => {
  const own = { 'sys/fs/cgroup/memory.max': 1000, 'sys/fs/cgroup/memory.current': 700 }
  files({ 'proc/self/cgroup': '0::/', ...own })
  expect(read()).toEqual([{ used: 700, limit: 1000 }])
  files({ 'proc/self/cgroup': '0::/../../system.slice/x' })
  expect(read()).toEqual([{ used: 700, limit: 1000 }])
})

it('of version 1 the group of the memory controller counts, and the number that means no limit does not', () => {
  const mount = 'sys/fs/cgroup/memory'
  files({
    'proc/self/cgroup': '5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n0::/',
    [`${mount}/docker/a/memory.limit_in_bytes`]: 1000,
    [`${mount}/docker/a/memory.usage_in_bytes`]: 700,
    [`${mount}/docker/a/memory.stat`]: 'active_file 1\ntotal_active_file 100\ntotal_inactive_file 50',
    [`${mount}/memory.limit_in_bytes`]: '9223372036854771712',
    [`${mount}/memory.usage_in_bytes`]: 5000,
  })
  expect(read()).toEqual([{ used: 550, limit: 1000 }])
})

it('a limit that changes while the process runs counts at once; without cgroups there is none', () => {
  expect(read()).toEqual([])
  files({ 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/memory.max': 'max', 'sys/fs/cgroup/memory.current': 700 })
  const memory = new CgroupMemory(root)
  expect(memory.read()).toEqual([])
  files({ 'sys/fs/cgroup/memory.max': 800 })
  expect(memory.read()).toEqual([{ used: 700, limit: 800 }])
})
