import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { callHttp } from './http-call.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function served(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<string> {
  const made = createServer((request, response) => void answer(request, response))
  server = made
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}/`
}

describe('a request by the client of Node', () => {
  it('carries its headers and its body, and gives the status and the bytes of the answer', async () => {
    const url = await served((request, response) => {
      response.statusCode = 418
      const head = Buffer.from(`${request.method} ${String(request.headers.own)} `)
      void buffer(request).then((body) => response.end(Buffer.concat([head, body])))
    })
    const answer = await callHttp(url, { method: 'POST', headers: { own: 'a' }, body: Buffer.from('body') })
    expect(answer.statusCode).toBe(418)
    expect(answer.bytes.toString()).toBe('POST a body')
  })

  it.each(['before the head of the answer', 'in its body'])('that is ended %s throws the reason', async (when) => {
    const reason = new Error('the time of the call is over')
    const over = new AbortController()
    const url = await served((_request, response) => {
      if (when === 'in its body') response.write('a part')
      setTimeout(() => over.abort(reason), 50)
    })
    await expect(callHttp(url, { method: 'GET', headers: {}, signal: over.signal })).rejects.toBe(reason)
  })

  it('throws the error of the connection if the server breaks it off', async () => {
    const url = await served((_request, response) => {
      response.write('a part', () => response.destroy())
    })
    await expect(callHttp(url, { method: 'GET', headers: {} })).rejects.toThrow('aborted')
  })
})
