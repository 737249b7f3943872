/** Every command with every kind of bad input: one line that says what to do, an exit code of 1 or 2, never a stack trace. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Case, expectAll, isOneSentence } from '../support/cli-cases.ts'
import { type Run, runCli } from '../support/cluster.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-errors-'))
const dataDir = join(folder, 'data')
const root = join(import.meta.dirname, '../..')
const KEY = 'the-key'
const DATA_COMMANDS = ['import', 'export', 'search', 'get', 'delete', 'count', 'accept-loss']
const ALL_COMMANDS = ['start', 'stop', 'status', 'quickstart', ...DATA_COMMANDS]
let url = ''
let html: Server
let mute: TcpServer
let closed = 0

const path = (name: string) => join(folder, name)
function file(name: string, content: string | Buffer): string {
  writeFileSync(path(name), content)
  return path(name)
}
const portOf = (server: Server | TcpServer) => (server.address() as AddressInfo).port
const listening = (server: Server | TcpServer) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

beforeAll(async () => {
  const started = await runCli(['start', '--data-dir', dataDir, '--api-key', KEY, '--json'])
  expect([started.code, started.stderr]).toEqual([0, ''])
  url = (JSON.parse(started.stdout) as { endpoint: string }).endpoint
  await fetch(`${url}/collections/things`, {
    method: 'PUT',
    headers: { 'api-key': KEY, 'content-type': 'application/json' },
    body: JSON.stringify({ vectors: { size: 2, distance: 'Euclid' } }),
  })
  const points = Array.from({ length: 3000 }, (_, id) =>
    JSON.stringify({ id, vector: [id, 1], payload: { text: 'x'.repeat(100) } }),
  )
  const imported = await runCli([
    'import',
    file('points.jsonl', points.join('\n')),
    '-c',
    'things',
    '--data-dir',
    dataDir,
  ])
  expect([imported.code, imported.stdout]).toEqual([0, expect.stringContaining('imported 3,000')])
  html = createServer((_request, response) => response.end('<html>hello</html>'))
  // Closes every connection, as a port of TLS does that is spoken to in plain text.
  mute = createTcpServer((socket) => socket.destroy())
  const gone = createTcpServer()
  await Promise.all([html, mute, gone].map(listening))
  closed = portOf(gone)
  gone.close()
})
afterAll(async () => {
  html.close()
  mute.close()
  await runCli(['stop', '--purge', '--data-dir', dataDir])
  rmSync(folder, { recursive: true, force: true })
})

/** What a data command needs beside what is wrong. */
function complete(command: string, ...more: string[]): string[] {
  const own: Record<string, string[]> = {
    import: [path('points.jsonl')],
    search: ['--vector', '[1,2]'],
    get: ['--id', '1'],
    delete: ['--id', '1'],
    'accept-loss': ['--yes'],
  }
  return [command, ...(own[command] ?? []), '-c', 'things', ...more]
}

describe('wrong usage is exit code 2 and names the option', () => {
  it('on every command: an unknown option, an argument too many, an option without its value', async () => {
    await expectAll(2, [
      { args: ['frobnicate'], says: 'frobnicate' },
      ...ALL_COMMANDS.flatMap((command): Case[] => {
        const whole = DATA_COMMANDS.includes(command) ? complete(command) : [command]
        return [
          { args: [...whole, '--frobnicate'], says: `"maksdb ${command} --help"` },
          { args: [...whole, '--data-dir'], says: '--data-dir' },
        ]
      }),
      ...['start', 'stop', 'status', 'count', 'export'].map((command) => ({
        args: [command, 'one', '-c', 'x'].slice(0, command === 'count' || command === 'export' ? 4 : 2),
        says: 'argument',
      })),
      ...DATA_COMMANDS.map((command) => ({
        args: [command, ...(command === 'import' ? ['f'] : [])],
        says: '--collection',
      })),
      { args: ['import', '-c', 'things'], says: 'file' },
      { args: ['search', '-c', 'things'], says: '--vector or --id' },
      { args: ['accept-loss', '-c', 'things'], says: '--yes' },
    ])
  })

  it('values that are none', async () => {
    const bad = (command: string, option: string, ...values: string[]): Case[] =>
      values.map((value) => ({
        args: [
          ...complete(command).filter((one) => command !== 'search' || !['--vector', '[1,2]'].includes(one)),
          option,
          value,
        ],
        says: option,
      }))
    await expectAll(2, [
      ...bad('search', '--limit', 'abc', '-1', '0', '1.5', '1e3', ''),
      ...bad('search', '--probes', 'x', '0'),
      ...bad('search', '--vector', 'abc', '{}', '[1,"a"]', '[[1]]', 'null', ''),
      ...bad('search', '--id', '', '"abc'),
      ...bad('get', '--id', '', '"'),
      ...bad('import', '--batch', '0', 'many'),
      ...bad('count', '-c', ''),
      ...['abc', '0', '-5', '65535', '99999', '80.5', ''].map((port) => ({
        args: ['start', '--port', port, '--data-dir', path('none')],
        says: '--port',
      })),
      ...['', 'a b', 'ключ'].map((key) => ({
        args: ['start', '--api-key', key, '--data-dir', path('none')],
        says: '--api-key',
      })),
    ])
  })

  it('no command at all shows the commands', async () => {
    const { code, stderr } = await runCli([])
    expect([code, stderr]).toEqual([2, expect.stringContaining('Commands:')])
  })
})

describe('what fails is exit code 1', () => {
  it('a server that is not there, is something else, or speaks another protocol', async () => {
    await expectAll(1, [
      ...DATA_COMMANDS.map((command) => ({
        args: complete(command, '--url', `http://127.0.0.1:${closed}`),
        says: 'nothing listens there. Check that the server runs',
      })),
      ...DATA_COMMANDS.map((command) => ({
        args: complete(command, '--url', `127.0.0.1:${portOf(html)}/x`),
        says: 'no answer of MaksDB',
      })),
      {
        args: complete('count', '--url', `https://127.0.0.1:${portOf(html)}`),
        says: 'Use http:// instead of https://',
      },
      { args: complete('count', '--url', `https://127.0.0.1:${portOf(mute)}`), says: 'cannot be reached' },
      { args: complete('count', '--url', `http://127.0.0.1:${portOf(mute)}`), says: 'it closed the connection' },
      {
        args: complete('count', '--url', 'http://no-such-host.invalid'),
        says: 'no-such-host.invalid cannot be reached',
      },
      { args: complete('count', '--url', 'redis://x:y@z'), says: 'http:// or https://' },
      { args: complete('count', '--url', 'http://'), says: 'is no URL of a server' },
      { args: complete('count', '--url', url.replace(/^http:/, 'https:')), says: 'Use http:// instead of https://' },
      { args: complete('count', '--data-dir', path('nothing')), says: 'name a server with --url' },
    ])
  })

  it('a missing or a wrong key, a collection or a point that is not there, a vector that does not fit', async () => {
    await expectAll(1, [
      ...DATA_COMMANDS.map((command) => ({
        args: complete(command, '--url', url),
        says: '--api-key or in $MAKSDB_API_KEY',
      })),
      ...DATA_COMMANDS.map((command) => ({
        args: complete(command, '--url', url, '--api-key', 'wrong'),
        says: 'not valid',
      })),
      { args: complete('count', '--url', url, '--api-key', 'ключ'), says: 'the api key' },
      ...DATA_COMMANDS.map((command) => ({
        args: complete(command, '--data-dir', dataDir).map((one) => (one === 'things' ? 'absent' : one)),
        says: 'absent',
      })),
      { args: ['search', '-c', 'things', '--vector', '[1]', '--data-dir', dataDir], says: 'dimension 2' },
      { args: ['get', '-c', 'things', '--id', '99999', '--data-dir', dataDir], says: 'no point' },
    ])
  })

  it('files that are not there, are directories, or hold something else', async () => {
    const importing = (name: string, says: string | RegExp = name): Case => ({
      args: ['import', path(name), '-c', 'things', '--json', '--data-dir', dataDir],
      says,
    })
    mkdirSync(path('folder.npy'), { recursive: true })
    for (const ending of ['jsonl', 'csv', 'npy', 'fvecs', 'parquet']) {
      file(`empty-header.${ending}`, 'NUMPY1')
      file(`noise.${ending}`, createHash('sha512').update(ending).digest())
    }
    await expectAll(1, [
      importing('absent.npy', 'absent.npy cannot be read'),
      importing('folder.npy', ''),
      ...['jsonl', 'npy', 'fvecs', 'parquet'].map((ending) => importing(`empty-header.${ending}`, '')),
      ...['jsonl', 'csv', 'npy', 'fvecs', 'parquet'].map((ending) => importing(`noise.${ending}`, '')),
      { args: ['import', '-', '-c', 'things', '--json', '--data-dir', dataDir], input: 'no json' },
      {
        args: ['export', '-c', 'things', '--data-dir', dataDir, '--json', '--output', path('not/there.jsonl')],
        says: 'there.jsonl cannot be written: there is no such file or directory',
      },
      {
        args: ['export', '-c', 'things', '--data-dir', dataDir, '--json', '--output', folder],
        says: 'it is a directory',
      },
      {
        args: ['export', '-c', 'things', '--data-dir', dataDir, '--json', '--output', '/dev/full'],
        says: 'the disk is full',
      },
    ])
  })

  it('an export that fails leaves the file of an earlier one as it was', async () => {
    const target = file('earlier.jsonl', 'earlier\n')
    const { code } = await runCli(['export', '-c', 'absent', '--data-dir', dataDir, '--output', target])
    expect([code, readFileSync(target, 'utf8')]).toEqual([1, 'earlier\n'])
    const done = await runCli(['export', '-c', 'things', '--data-dir', dataDir, '--output', target])
    expect([done.code, readFileSync(target, 'utf8').split('\n').length]).toEqual([0, 3001])
  })

  it('manifests', async () => {
    const starting = (name: string, says: string): Case => ({
      args: ['start', '-f', path(name), '--data-dir', path('none')],
      says,
    })
    mkdirSync(path('folder.yaml'), { recursive: true })
    file('noise.yaml', createHash('sha512').update('x').digest())
    file('tabs.yaml', 'a: b: c\n\t- d\n')
    file('empty.yaml', '')
    file('null.yaml', '---\n---\nnull\n')
    file('alias.yaml', 'a: *nothing\n')
    file('list.yaml', '- 1\n- 2\n')
    file('other.yaml', 'kind: ConfigMap\nmetadata: 5\n')
    file('deep.yaml', `kind: VectorCluster\nspec: ${'['.repeat(3000)}`)
    await expectAll(1, [
      starting('absent.yaml', 'absent.yaml cannot be read: there is no such file'),
      starting('folder.yaml', 'it is a directory'),
      ...['noise', 'tabs', 'empty', 'null', 'alias', 'list', 'other', 'deep'].map((name) =>
        starting(`${name}.yaml`, name),
      ),
    ])
  })

  it('data directories that are damaged, or are something else', async () => {
    const commands = ['start', 'stop', 'status', 'count -c things'].map((command) => command.split(' '))
    const marker = '{"kind":"maksdb-data-directory","format":1,"made":true}'
    const make = (name: string, files: Record<string, string>) => {
      mkdirSync(path(name), { recursive: true })
      for (const [one, content] of Object.entries(files)) file(join(name, one), content)
    }
    make('bad-marker', { 'maksdb-data-directory.json': '{' })
    make('newer', { 'maksdb-data-directory.json': marker.replace('1', '2') })
    make('bad-settings', { 'maksdb-data-directory.json': marker, 'settings.json': '{', 'processes.json': '[]' })
    await expectAll(1, [
      ...['bad-marker', 'newer', 'bad-settings'].flatMap((name) =>
        commands.map((command) => ({ args: [...command, '--data-dir', path(name)], says: name })),
      ),
      { args: ['start', '--data-dir', path('points.jsonl')], says: 'points.jsonl' },
      { args: ['stop', '--purge', '--data-dir', path('points.jsonl')], says: 'nothing was deleted' },
    ])
  })

  it('a directory without rights', async () => {
    mkdirSync(path('locked'), { recursive: true })
    chmodSync(path('locked'), 0o700)
    chmodSync(folder, 0o755)
    // As another user, where this one is root and may do anything.
    const asNobody = (...args: string[]) =>
      new Promise<Run>((resolve) => {
        const child = spawn(process.execPath, [join(root, 'cli/main.ts'), ...args], {
          ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
          env: { ...process.env, HOME: '/nonexistent' },
        })
        let stderr = ''
        child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()))
        child.on('exit', (code) => resolve({ code: code ?? -1, stdout: '', stderr }))
      })
    if (process.getuid?.() !== 0) chmodSync(path('locked'), 0)
    for (const command of ['start', 'stop', 'status']) {
      const { code, stderr } = await asNobody(command, '--data-dir', join(path('locked'), 'data'))
      expect([command, code, stderr]).toEqual([command, 1, expect.stringContaining('you lack the rights')])
      expect(isOneSentence(stderr)).toBe(true)
    }
  })
})

describe('a reader that goes away', () => {
  it.each([
    ['export -c things', 'head -1'],
    ['export -c things', 'true'],
    ['status', 'true'],
    ['status --json', 'true'],
    ['search -c things --vector [1,2] --limit 3000', 'head -1'],
    ['get -c things --id 1', 'true'],
    ['count -c things', 'true'],
    ['--help', 'true'],
  ])('ends "%s | %s" without a word', async (command, reader) => {
    const script = `"${process.execPath}" "${join(root, 'cli/main.ts')}" ${command} ${command.startsWith('--') ? '' : `--data-dir "${dataDir}"`} | ${reader}; echo "\${PIPESTATUS[0]}" >&2`
    const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'] })
    let told = ''
    child.stderr.on('data', (chunk: Buffer) => void (told += chunk.toString()))
    await new Promise((resolve) => child.on('close', resolve))
    expect(told).toMatch(command.startsWith('search') ? /^(.* compared\n)?[01]\n$/ : /^[01]\n$/)
  })

  it('of the progress does not end an import', async () => {
    const script = `"${process.execPath}" "${join(root, 'cli/main.ts')}" import "${path('points.jsonl')}" -c things --data-dir "${dataDir}" 2> >(true)`
    const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] })
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()))
    await new Promise((resolve) => child.on('close', resolve))
    expect(stdout).toContain('imported 3,000 points')
  })

  it('a full disk behind standard output is told', async () => {
    const child = spawn('bash', [
      '-c',
      `"${process.execPath}" "${join(root, 'cli/main.ts')}" export -c things --data-dir "${dataDir}" > /dev/full`,
    ])
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()))
    const code = await new Promise((resolve) => child.on('close', resolve))
    expect([code, stderr]).toEqual([1, 'maksdb: standard output cannot be written: the disk is full\n'])
  })
})
