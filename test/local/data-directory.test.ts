/** A data directory knows itself: nothing is removed, read or signalled that MaksDB cannot prove to be its own. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runCli, TestCluster } from '../support/cluster.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-directory-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const MARKER = 'maksdb-data-directory.json'
const start = (dataDir: string, env: Record<string, string> = {}) => runCli(['start', '--data-dir', dataDir], { env })
const purge = (dataDir: string) => runCli(['stop', '--purge', '--data-dir', dataDir])
/** Every path below a folder. */
const tree = (path: string) => readdirSync(path, { recursive: true }).map(String).sort()

function made(name: string, files: Record<string, string> = {}): string {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(path, file, '..'), { recursive: true })
    writeFileSync(join(path, file), content)
  }
  return path
}

describe('stop --purge', () => {
  it('refuses a directory in which MaksDB never ran, whatever its folders are called', async () => {
    const path = made('thesis', { 'thesis.txt': 'x', 'clusters/digits/manifest.json': '{}', 'settings.json': '{}' })
    const before = tree(path)
    const { code, stdout, stderr } = await purge(path)
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(`it has no ${MARKER}`)])
    expect(stderr).toContain('nothing was deleted')
    expect(tree(path)).toEqual(before)
  })

  it('says that nothing was deleted where there is nothing', async () => {
    const { code, stdout } = await purge(join(folder, 'absent'))
    expect([code, stdout]).toEqual([0, expect.stringContaining('nothing was deleted')])
    const json = await runCli(['stop', '--purge', '--json', '--data-dir', join(folder, 'absent')])
    expect(JSON.parse(json.stdout)).toEqual({ stopped: false, purged: false, kept: [] })
  })

  it('refuses a marker that it cannot read, and keeps everything', async () => {
    const path = made('damaged', { [MARKER]: '{"kind":', token: 'x' })
    const { code, stderr } = await purge(path)
    expect([code, stderr]).toEqual([1, expect.stringContaining(MARKER)])
    expect(tree(path)).toEqual([MARKER, 'token'])
  })
})

describe('a data directory in use', () => {
  it('is removed as a whole by a purge where nothing else is in it: every file of ours is known', async () => {
    const cluster = await TestCluster.start({
      spec: { dimension: 2, clusters: 2, replicas: 2, durability: 'Journal', centroids: { source: 'Random', seed: 1 } },
      env: { MAKSDB_SNAPSHOT_ENTRIES: '20' },
    })
    const points = Array.from({ length: 200 }, (_, id) => ({ id, vector: [id % 7, id % 11] }))
    await cluster.writable(points)
    await cluster.killAll()
    await cluster.start()
    await cluster.stop()
    expect(tree(cluster.dataDir).some((path) => path.endsWith('.chunk'))).toBe(true)
    const { code, stdout } = await purge(cluster.dataDir)
    expect([code, stdout]).toEqual([0, `nothing was running; deleted ${cluster.dataDir}\n`])
    expect(existsSync(cluster.dataDir)).toBe(false)
    await cluster.close()
  })

  it('keeps foreign files through a purge and the deletion of a collection, and follows no link', async () => {
    const cluster = await TestCluster.start({ spec: { dimension: 2 } })
    const { dataDir } = cluster
    const elsewhere = made('elsewhere', { token: 'mine', 'things-redis.log': 'mine' })
    await cluster.client.createCollection('films', { dimension: 2 })
    const foreign = ['thesis.txt', 'clusters/notes.md', 'clusters/films/poster.png', 'clusters/films/redis/my.rdb.bak']
    for (const name of foreign) writeFileSync(join(dataDir, name), name)
    symlinkSync(elsewhere, join(dataDir, 'clusters', 'linked'))
    symlinkSync(join(elsewhere, 'token'), join(dataDir, 'logs', 'other.log'))
    await cluster.client.deleteCollection('films')
    expect(tree(join(dataDir, 'clusters/films'))).toEqual(['poster.png', 'redis', 'redis/my.rdb.bak'])
    expect((await runCli(['status', '--json', '--data-dir', dataDir])).code).toBe(0)
    const { code, stdout } = await runCli(['stop', '--purge', '--json', '--data-dir', dataDir])
    const kept = [...foreign, 'clusters/linked', 'logs/other.log'].sort()
    const told = JSON.parse(stdout) as { kept: string[] }
    expect([code, told]).toEqual([0, { stopped: true, purged: true, kept: expect.any(Array) as string[] }])
    expect(told.kept.sort()).toEqual(kept)
    const left = tree(dataDir).filter(
      (path) => !['clusters', 'clusters/films', 'clusters/films/redis', 'logs'].includes(path),
    )
    expect(left.filter((path) => !path.startsWith('clusters/linked/'))).toEqual(kept)
    for (const name of foreign) expect(readFileSync(join(dataDir, name), 'utf8')).toBe(name)
    expect(tree(elsewhere)).toEqual(['things-redis.log', 'token'])
    await cluster.close()
  })

  it('is the same one under the name of a symbolic link, and stays where the user had made it', async () => {
    const path = made('real')
    const link = join(folder, 'link')
    symlinkSync(path, link)
    expect((await start(link)).code).toBe(0)
    const { stdout } = await runCli(['status', '--json', '--data-dir', path])
    expect((JSON.parse(stdout) as { processes: unknown[] }).processes).toHaveLength(2)
    expect((await purge(path)).stdout).toContain('kept the directory itself, which existed before MaksDB')
    expect(tree(path)).toEqual([])
  })
})

describe('start --data-dir', () => {
  it.each([
    ['with files of somebody else', () => made('full', { 'a.txt': '' }), 'holds other files: a.txt'],
    ['that is the home directory', () => join(folder, 'home'), 'home directory'],
    ['that holds the home directory', () => folder, 'home directory'],
    ['that is the root', () => '/', 'home directory'],
    ['that is a file', () => join(made('file', { it: '' }), 'it'), 'not a directory'],
    ['below a file', () => join(made('file', { it: '' }), 'it', 'data'), 'not a directory'],
    ['below a link to nothing', () => join(folder, 'nowhere', 'data'), 'cannot be made'],
    ['that the kernel does not make', () => '/proc/maksdb/data', 'cannot be made'],
  ])('refuses a directory %s at once, and changes nothing', async (_what, path, says) => {
    made('home')
    rmSync(join(folder, 'nowhere'), { force: true })
    symlinkSync(join(folder, 'not', 'there'), join(folder, 'nowhere'))
    const dataDir = path()
    const before = tree(folder)
    const started = performance.now()
    const { code, stderr } = await start(dataDir, { HOME: join(folder, 'home') })
    expect([code, stderr]).toEqual([1, expect.stringContaining(says)])
    expect(performance.now() - started).toBeLessThan(10_000)
    expect(tree(folder)).toEqual(before)
  })

  it('takes no directory for a manifest that is refused', async () => {
    const bad = join(made('manifests', { 'bad.yaml': 'kind: VectorCluster' }), 'bad.yaml')
    const { code } = await runCli(['start', '-f', bad, '--data-dir', join(folder, 'untouched')])
    expect([code, existsSync(join(folder, 'untouched'))]).toEqual([1, false])
  })
})
