/** Where a local cluster listens and how it is reached: loopback names, IPv6, a proxy with a path, pages of other sites. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, TestCluster } from '../support/cluster.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-addresses-'))
const ORIGIN = 'https://console.example'
let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 2 },
    env: { MAKSDB_CORS_ORIGIN: `${ORIGIN}, http://other:80` },
  })
  await cluster.writable([{ id: 1, vector: [1, 2] }])
})
afterAll(async () => {
  await cluster.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('--url', () => {
  it('may have the path of a proxy, a user and a password, and no scheme', async () => {
    const proxy = createServer((incoming, outgoing) => {
      const known = incoming.headers.authorization === `Basic ${btoa('ann:secret')}`
      if (!known || !incoming.url?.startsWith('/qdrant/')) {
        outgoing.writeHead(known ? 404 : 401).end('<html>')
        return
      }
      const { authorization: _, ...headers } = incoming.headers
      const on = request(`${cluster.url}${incoming.url.slice('/qdrant'.length)}`, { method: incoming.method, headers })
      on.on('response', (answer) => answer.pipe(outgoing.writeHead(answer.statusCode ?? 500, answer.headers)))
      incoming.pipe(on)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as AddressInfo
    const count = (url: string) => runCli(['count', '-c', 'things', '--url', url])
    expect(await count(`http://ann:secret@127.0.0.1:${port}/qdrant`)).toEqual({ code: 0, stdout: '1\n', stderr: '' })
    expect((await count(`ann:secret@localhost:${port}/qdrant/`)).stdout).toBe('1\n')
    const wrong = await count(`http://ann:secret@127.0.0.1:${port}`)
    proxy.close()
    const absent = await count(`http://ann:secret@127.0.0.1:${port}/qdrant`)
    for (const { code, stdout, stderr } of [wrong, absent]) {
      expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining(`http://127.0.0.1:${port}`)])
      expect(stderr).not.toContain('secret')
    }
    expect((await count(`127.0.0.1:${cluster.port}`)).stdout).toBe('1\n')
  })
})

describe('--host', () => {
  const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
  it.each(['127.0.0.2', 'localhost', ...(hasIPv6 ? ['::1', '[::1]'] : [])])(
    '%s is this machine alone and needs no key; every command finds it',
    async (host) => {
      const dataDir = join(folder, `host-${host.replaceAll(/\W/g, '-')}`)
      const started = await runCli(['start', '--host', host, '--data-dir', dataDir, '--json'])
      expect([started.code, started.stderr]).toEqual([0, ''])
      const { endpoint, processes } = JSON.parse(started.stdout) as {
        endpoint: string
        processes: { ready: boolean }[]
      }
      expect(endpoint).toMatch(host.includes('::1') ? /^http:\/\/\[::1\]:\d+$/ : `http://${host}:`)
      expect(processes.every(({ ready }) => ready)).toBe(true)
      expect((await fetch(`${endpoint}/collections`)).status).toBe(200)
      const absent = await runCli(['count', '-c', 'absent', '--data-dir', dataDir])
      expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining('absent')])
      await runCli(['stop', '--data-dir', dataDir])
      const again = await runCli(['start', '--data-dir', dataDir, '--json'])
      expect((JSON.parse(again.stdout) as { endpoint: string }).endpoint).toBe(endpoint)
      const other = await runCli(['start', '--host', '127.0.0.9', '--data-dir', dataDir])
      expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('already runs with address')])
      await runCli(['stop', '--purge', '--data-dir', dataDir])
    },
  )

  it.each([
    ['0.0.0.0', '--api-key'],
    ['::', '--api-key'],
    ['203.0.113.7', 'not an address of this machine'],
    ['no-such-name.invalid', 'not an address of this machine'],
  ])('%s is refused in a sentence that says why', async (host, says) => {
    const { code, stderr } = await runCli(['start', '--host', host, '--data-dir', join(folder, 'refused')])
    expect([code, stderr]).toEqual([1, expect.stringContaining(says)])
  })
})

describe('a port that is taken', () => {
  it.each([
    [0, 'REST'],
    [1, 'gRPC, which has the port after REST'],
  ])('%i after the one that was asked for: says which, and what for', async (offset, says) => {
    const blocker = createTcpServer()
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
    const { port } = blocker.address() as AddressInfo
    const { code, stderr } = await runCli([
      'start',
      '--port',
      String(port - offset),
      '--data-dir',
      join(folder, 'taken'),
    ])
    blocker.close()
    expect([code, stderr]).toEqual([1, expect.stringContaining(`port ${port} is taken, and ${says}`)])
  })
})

describe('a page of another site', () => {
  const preflight = (origin: string, headers = 'authorization,content-type,api-key') =>
    cluster.fetch('OPTIONS', '/collections/things/points', undefined, {
      origin,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': headers,
    })

  it('of a named origin may send the headers that it asks for, Authorization among them', async () => {
    const { status, headers } = await preflight(ORIGIN)
    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe(ORIGIN)
    expect(headers.get('access-control-allow-headers')).toBe('authorization,content-type,api-key')
    expect(headers.get('access-control-allow-methods')).toContain('PUT')
    expect(headers.get('vary')).toBe('Origin, Access-Control-Request-Headers')
    const answer = await cluster.fetch('GET', '/collections', undefined, { origin: ORIGIN })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, ORIGIN])
    expect(answer.headers.get('access-control-expose-headers')).toContain('retry-after')
  })

  it('of another origin is told nothing, and no cache takes one answer for the other', async () => {
    const { headers } = await preflight('https://evil.example')
    expect(headers.get('access-control-allow-origin')).toBe(null)
    const answer = await cluster.fetch('GET', '/collections', undefined, { origin: 'https://evil.example' })
    expect([answer.headers.get('access-control-allow-origin'), answer.headers.get('vary')]).toEqual([null, 'Origin'])
  })

  it('reads errors, too', async () => {
    const { status, headers } = await cluster.fetch('GET', '/collections/absent', undefined, { origin: ORIGIN })
    expect([status, headers.get('access-control-allow-origin')]).toEqual([404, ORIGIN])
  })
})
