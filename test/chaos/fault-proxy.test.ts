import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { freePort } from '../../supervisor/os-process.ts'
import { type Disturbance, FaultProxy } from '../support/fault-proxy.ts'

let echo: Server
let proxy: FaultProxy
beforeAll(async () => {
  echo = await startEcho()
  proxy = await FaultProxy.start(portOf(echo))
})
afterAll(() => {
  proxy.close()
  echo.close()
})

/** Sends back what it gets. */
async function startEcho(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** @param localPort any free one unless given */
async function talk(localPort = 0) {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', localPort })
  let heard = ''
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  return { socket, heard: () => heard }
}

describe('the proxy of the chaos runs', () => {
  it.each<[string, Disturbance[]]>([
    ['one hold', [{ hold: 'both' }]],
    ['a hold and a delay', [{ hold: 'replies' }, { delayMs: 5 }]],
    ['two holds, of which one ends before the other', [{ hold: 'requests' }, { hold: 'replies' }]],
    ['a hold of everybody and one of this process', [{ hold: 'both' }, { hold: 'requests' }]],
  ])('loses and reorders nothing under %s', async (_, disturbances) => {
    const { socket, heard } = await talk()
    let said = ''
    const say = async (times: number) => {
      for (let i = 0; i < times; i++) {
        const text = `${said.length};`
        said += text
        socket.write(text)
        await sleep(2)
      }
    }
    await say(20)
    const ends: (() => void)[] = []
    for (const [i, disturbance] of disturbances.entries()) {
      ends.push(proxy.disturb(disturbance, i === 0 ? undefined : process.pid))
      await say(20)
    }
    for (const end of ends) {
      end()
      await say(20)
    }
    await until('everything to come back', async () => heard().length === said.length)
    expect(heard()).toBe(said)
    socket.destroy()
  })

  it('holds back what it was told to, and only of the process that it was told of', async () => {
    const end = proxy.disturb({ hold: 'both' }, process.pid)
    const mine = await talk()
    mine.socket.write('x')
    await sleep(100)
    expect(mine.heard()).toBe('')
    end()
    await until('what was held', async () => mine.heard() === 'x')
    const other = proxy.disturb({ hold: 'both' }, 1)
    mine.socket.write('y')
    await until('what is not held', async () => mine.heard() === 'xy')
    other()
    mine.socket.destroy()
  })

  it('knows a process by its connection, though another one has ended at the same port of the client', async () => {
    // The system lists the two connections in an order that depends on the ports of the servers.
    for (let i = 0; i < 8; i++) {
      const another = await startEcho()
      const localPort = await freePort('127.0.0.1')
      const earlier = connect({ port: portOf(another), host: '127.0.0.1', localPort })
      await once(earlier, 'connect')
      earlier.resume().end()
      await once(earlier, 'close')
      const end = proxy.disturb({ hold: 'both' }, process.pid)
      const mine = await talk(localPort)
      mine.socket.write('x')
      await sleep(20)
      expect(mine.heard()).toBe('')
      end()
      await until('what was held', async () => mine.heard() === 'x')
      mine.socket.destroy()
      another.close()
    }
  })
})
