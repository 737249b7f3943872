import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { ShardConnections } from './shard-connections.ts'

let server: Server | undefined
let connections = new ShardConnections()
afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  await connections.close()
  connections = new ShardConnections()
})

async function served(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
  server = createServer((request, response) => void answer(request, response))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/rpc/search?a=b`
}

describe('a request over a kept connection', () => {
  it('carries its headers and its body, and gives the status and all bytes of the answer, at a multiple of 8', async () => {
    const url = await served(async (request, response) => {
      const head = `${request.method} ${request.url} ${String(request.headers.own)} `
      response.writeHead(418)
      response.write(head)
      // The rest comes in a part of its own.
      setTimeout((body: Buffer) => response.end(body), 10, await buffer(request))
    })
    const answer = await connections.send(url, { method: 'POST', headers: { own: 'a' }, body: Buffer.from('body') })
    expect([answer.statusCode, answer.bytes.toString()]).toEqual([418, 'POST /rpc/search?a=b a body'])
    expect(answer.bytes.byteOffset % 8).toBe(0)
  })

  it('uses the connection of the one before it', async () => {
    const sockets = new Set<unknown>()
    const url = await served((request, response) => {
      sockets.add(request.socket)
      response.end()
    })
    for (let i = 0; i < 3; i++) {
      await connections.send(url, { method: 'POST', headers: {} })
      // A connection is free in the turn after its answer.
      await setImmediate()
    }
    expect(sockets.size).toBe(1)
  })

  it.each(['before it is sent', 'before the head of the answer', 'in its body'])(
    'that is ended %s throws the reason',
    async (when) => {
      const reason = new Error('the time of the call is over')
      const over = new AbortController()
      const gone = Promise.withResolvers<void>()
      const url = await served((request, response) => {
        request.socket.on('close', () => gone.resolve())
        if (when === 'in its body') response.write('a part')
        setTimeout(() => over.abort(reason), 10)
      })
      if (when === 'before it is sent') over.abort(reason)
      const sent = connections.send(url, { method: 'POST', headers: {}, signal: over.signal })
      await expect(sent).rejects.toBe(reason)
      if (when !== 'before it is sent') await gone.promise
    },
  )

  it('throws the error of the connection if the server breaks it off, or is not there', async () => {
    const url = await served((_request, response) => {
      response.write('a part', () => response.destroy())
    })
    await expect(connections.send(url, { method: 'POST', headers: {} })).rejects.toThrow('other side closed')
    server?.close()
    server?.closeAllConnections()
    await expect(connections.send(url, { method: 'POST', headers: {} })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
