/** Against a plain server of HTTP: what is asked, and what is made of answers that no MaksDB gave. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { MaksDB, type MaksDBOptions } from './index.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void
const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

async function serve(handler: Handler): Promise<number> {
  const server = createServer(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}
async function closedPort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
const ok = (response: ServerResponse, result: unknown) => response.end(JSON.stringify({ result, status: 'ok' }))
const collections = (options: MaksDBOptions) => new MaksDB({ timeoutMs: 2000, ...options }).collections()

it('keeps the path of the URL, as of a proxy, before every route', async () => {
  const asked: string[] = []
  const port = await serve((request, response) => {
    asked.push(String(request.url))
    ok(response, { collections: [{ name: 'films' }] })
  })
  expect(await collections({ url: `http://127.0.0.1:${port}/qdrant/` })).toEqual(['films'])
  await new MaksDB({ url: `127.0.0.1:${port}/a/b` }).collection('x y').topology()
  expect(asked).toEqual(['/qdrant/collections', '/a/b/v1/collections/x%20y/topology'])
})

it('sends a user and a password to the proxy, and the api key beside them', async () => {
  let headers: IncomingMessage['headers'] = {}
  const port = await serve((request, response) => {
    headers = request.headers
    ok(response, { collections: [] })
  })
  await collections({ url: `http://ann:secret@127.0.0.1:${port}`, apiKey: 'key' })
  expect(headers).toMatchObject({ authorization: `Basic ${btoa('ann:secret')}`, 'api-key': 'key' })
})

it('prints no password when the server cannot be reached', async () => {
  const port = await closedPort()
  const url = `http://ann:secret@127.0.0.1:${port}/q`
  const failure = await collections({ url, timeoutMs: 100 }).catch((e: Error) => e)
  expect((failure as Error).message).toBe(`http://127.0.0.1:${port}/q cannot be reached: nothing listens there`)
  expect(JSON.stringify(failure)).not.toContain('secret')
})

it('gives a server that never answered less time than one that did', async () => {
  const port = await closedPort()
  const started = performance.now()
  await expect(
    collections({ url: `http://127.0.0.1:${port}`, timeoutMs: 20_000, connectTimeoutMs: 300 }),
  ).rejects.toThrow()
  expect(performance.now() - started).toBeLessThan(2000)
})

it('tries no second time where none can help', async () => {
  const started = performance.now()
  await expect(collections({ url: 'http://127.0.0.1:1' })).rejects.toMatchObject({ code: 'ADDRESS' })
  const port = await serve(() => undefined)
  await expect(collections({ url: `https://127.0.0.1:${port}` })).rejects.toMatchObject({
    hint: 'Use http:// instead of https://.',
  })
  expect(performance.now() - started).toBeLessThan(1000)
})

it('follows no redirect, which could take the key elsewhere, and says where it leads', async () => {
  const port = await serve((_request, response) => response.writeHead(301, { location: 'https://other/' }).end())
  await expect(collections({ url: `http://127.0.0.1:${port}`, apiKey: 'key' })).rejects.toMatchObject({
    message: `http://127.0.0.1:${port} redirects to https://other/`,
    hint: 'Use that URL.',
  })
})

it.each(['<html>hello</html>', 'null', '[]', '"text"', '{"hello":1}', ''])(
  'takes %j for what it is: no answer of MaksDB',
  async (body) => {
    const port = await serve((_request, response) => response.end(body))
    await expect(collections({ url: `http://127.0.0.1:${port}` })).rejects.toMatchObject({
      message: `http://127.0.0.1:${port} answered 200, which is no answer of MaksDB`,
    })
  },
)

it('ends in time although a proxy says when to come back as a date', async () => {
  let asked = 0
  const port = await serve((_request, response) => {
    asked++
    response.writeHead(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }).end()
  })
  await expect(collections({ url: `http://127.0.0.1:${port}`, timeoutMs: 1000 })).rejects.toMatchObject({ status: 503 })
  expect(asked).toBeLessThan(10)
})
