/** Who kills `npx maksdb import` has killed the import; what runs behind a shell of the user's own goes on. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sleep } from '../../runtime/lifecycle.ts'
import { TestCluster, waitFor } from '../support/cluster.ts'

const root = join(import.meta.dirname, '../..')
let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
})
afterAll(() => cluster.close())

/** An import that waits for its standard input, which nobody closes. */
const importing = () => ['import', '-', '-c', 'things', '--data-dir', cluster.dataDir]

function commands(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
        return line.includes('main.ts\0import') && line.includes(cluster.dataDir)
      } catch {
        return false
      }
    })
    .map(Number)
}

const begun = () => waitFor(async () => commands()[0], 'the import to begin')
const gone = () => waitFor(async () => (commands().length === 0 ? true : undefined), 'the import to end', 10_000)

async function start(command: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(command, args, { cwd: root, stdio: ['pipe', 'ignore', 'ignore'] })
  await begun()
  return child
}

describe('an import by the bin script', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends with %s, and so does the script', async (signal) => {
    const script = await start(process.execPath, 'bin/maksdb.mjs', ...importing())
    await sleep(500)
    const ended = once(script, 'exit')
    script.kill(signal)
    expect(await ended).toEqual([null, signal])
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
  expect(commands()).toEqual([pid])
  process.kill(pid)
  await gone()
})
