/** A redis-server that cannot be used: the command line says why, at once. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { expectAll } from '../support/cli-cases.ts'
import { runCli } from '../support/cluster.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-no-redis-'))
const root = join(import.meta.dirname, '../..')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('redis-server', () => {
  it('that is not there, or too old, is told at once, by start and by PUT', async () => {
    const example = join(root, 'examples/quickstart.yaml')
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true })
    const started = performance.now()
    await expectAll(1, [
      {
        args: ['start', '-f', example, '--data-dir', join(folder, 'no-redis')],
        env: { PATH: bin },
        says: 'redis-server is not on the PATH. Install',
      },
    ])
    writeFileSync(join(bin, 'redis-server'), '#!/bin/sh\necho "Redis server v=6.0.16 sha=0"\n', { mode: 0o755 })
    await expectAll(1, [
      {
        args: ['start', '-f', example, '--data-dir', join(folder, 'no-redis')],
        env: { PATH: `${bin}:${process.env.PATH}` },
        says: 'redis-server 6.0 is too old',
      },
    ])
    expect(performance.now() - started).toBeLessThan(20_000)
    const empty = join(folder, 'empty-system')
    const run = await runCli(['start', '--data-dir', empty, '--json'], { env: { PATH: `${bin}:${process.env.PATH}` } })
    const { endpoint } = JSON.parse(run.stdout) as { endpoint: string }
    const answer = await fetch(`${endpoint}/collections/films`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ vectors: { size: 2, distance: 'Euclid' } }),
    })
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('too old')])
    await runCli(['stop', '--purge', '--data-dir', empty])
  })

  it('that cannot start is named with its reason, long before the time is up', async () => {
    const bin = join(folder, 'failing')
    mkdirSync(bin, { recursive: true })
    writeFileSync(
      join(bin, 'redis-server'),
      '#!/bin/sh\n[ "$1" = --version ] && echo "Redis server v=7.0.15" && exit\necho "Fatal error, the moon is wrong"\nexit 1\n',
      { mode: 0o755 },
    )
    const started = performance.now()
    const { code, stderr } = await runCli(
      ['start', '-f', join(root, 'examples/quickstart.yaml'), '--data-dir', join(folder, 'failing-redis'), '--json'],
      { env: { PATH: `${bin}:${process.env.PATH}` } },
    )
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^maksdb: digits-redis .*the moon is wrong.*logs\/digits-redis\.log\n$/),
    ])
    expect(performance.now() - started).toBeLessThan(60_000)
    await runCli(['stop', '--purge', '--data-dir', join(folder, 'failing-redis')])
  })
})
