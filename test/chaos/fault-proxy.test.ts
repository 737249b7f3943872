import { connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { type Disturbance, FaultProxy } from '../support/fault-proxy.ts'

/** Sends back what it gets. */
let echo: Server
let proxy: FaultProxy
beforeAll(async () => {
  echo = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  proxy = await FaultProxy.start((echo.address() as { port: number }).port)
})
afterAll(() => {
  proxy.close()
  echo.close()
})

async function talk() {
  const socket = connect(proxy.port, '127.0.0.1')
  let heard = ''
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('connect', resolve))
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
})
