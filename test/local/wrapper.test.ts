/** Who kills `npx maksdb import` has killed the import; what runs behind a shell of the user's own goes on. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { TestCluster } from '../support/cluster.ts'

const root = join(import.meta.dirname, '../..')
let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
})
afterAll(() => cluster.close())

/** An import that waits for more on its standard input, which stays open. */
const importing = () => ['import', '-', '-c', 'things', '--batch', '1', '--data-dir', cluster.dataDir]

/** Processes of the command line itself (not of the bin script) with this text among their arguments. */
function commands(named: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
        return line.includes('cli/main.ts\0') && line.includes(named)
      } catch {
        return false
      }
    })
    .map(Number)
}

const begun = (named = cluster.dataDir) => until('the command to begin', async () => commands(named)[0])
const gone = (named = cluster.dataDir) => until('the command to end', async () => commands(named).length === 0, 10_000)

async function start(command: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(command, args, { cwd: root, stdio: ['pipe', 'ignore', 'pipe'] })
  await begun()
  return child
}

/** The import reads: from now on it handles signals itself. */
async function reads({ stdin }: ChildProcess, id: number): Promise<void> {
  stdin?.write(`{"id":${id},"vector":[1,2]}\n`)
  await until('the first point of the import', async () => (await cluster.collection.get([id]))[0])
}

describe('an import by the bin script', () => {
  it.each([
    ['SIGTERM', 1],
    ['SIGINT', 2],
  ] as const)('says at %s that it was interrupted, and the script has its exit code', async (signal, id) => {
    const script = await start(process.execPath, 'bin/maksdb.mjs', ...importing())
    let stderr = ''
    script.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
    })
    await reads(script, id)
    const ended = once(script, 'close')
    script.kill(signal)
    expect(await ended).toEqual([1, null])
    expect(stderr).toContain('it was interrupted.')
    await gone()
  })

  it('ends with SIGHUP, and so does the script', async () => {
    const script = await start(process.execPath, 'bin/maksdb.mjs', ...importing())
    await reads(script, 3)
    const ended = once(script, 'exit')
    script.kill('SIGHUP')
    expect(await ended).toEqual([null, 'SIGHUP'])
    await gone()
  })

  it('ends although the script was killed so that it could pass nothing on', async () => {
    const script = await start(process.execPath, 'bin/maksdb.mjs', ...importing())
    script.kill('SIGKILL')
    await gone()
  })

  it('has its exit code', async () => {
    const code = (...args: string[]) => spawnSync(process.execPath, ['bin/maksdb.mjs', ...args], { cwd: root }).status
    expect([code('--version'), code('count', '-c', 'absent', '--data-dir', cluster.dataDir), code('nonsense')]).toEqual(
      [0, 1, 2],
    )
  })
})

describe('a command that handles no signal, by the bin script', () => {
  /** Takes connections and answers nothing. */
  const silent = createServer()
  let url: string
  beforeAll(async () => {
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  })
  afterAll(() => silent.close())

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends with %s, and so does the script', async (signal) => {
    const asked = once(silent, 'connection')
    const script = spawn(process.execPath, ['bin/maksdb.mjs', 'count', '-c', 'things', '--url', url], { cwd: root })
    await asked
    const ended = once(script, 'exit')
    script.kill(signal)
    expect(await ended).toEqual([null, signal])
    await gone(url)
  })
})

describe('an import by npx', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('ends with a %s of npx', async (signal) => {
    const npx = await start('npx', '--no-install', 'maksdb', ...importing())
    await sleep(500)
    npx.kill(signal)
    await gone()
  })
})

it('an import whose shell has ended goes on, as behind nohup', async () => {
  const shell = spawn('bash', ['-c', `"${process.execPath}" bin/maksdb.mjs ${importing().join(' ')} <&3 & sleep 1`], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const pid = await begun()
  await once(shell, 'exit')
  await sleep(1500)
  expect(commands(cluster.dataDir)).toEqual([pid])
  process.kill(pid)
  await gone()
})
