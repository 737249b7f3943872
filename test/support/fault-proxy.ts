/**
 * A TCP proxy that does to connections what networks do: cut, hold back in one or both directions, delay, reset at
 * random. What is held back is delivered when the network heals, as TCP would: late bytes are part of the test.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { sleep } from '../../runtime/lifecycle.ts'

export interface Disturbance {
  /** Requests go to the server, replies come from it. */
  hold?: 'both' | 'requests' | 'replies'
  delayMs?: number
  /** Share of chunks that reset their connection instead of passing. */
  resets?: number
}

type Direction = 'requests' | 'replies'

interface Link {
  client: Socket
  server: Socket
  /** Process at the other end of `client`, where it is on this machine. */
  pid: number | undefined
  disturbance: Disturbance
  held: { direction: Direction; chunk: Buffer }[]
  /** Chunks that are delayed pass one after the other. */
  tail: Record<Direction, Promise<void> | undefined>
}

export class FaultProxy {
  readonly #server: Server
  readonly #links = new Set<Link>()
  #ofNew: (pid: number | undefined) => Disturbance = () => ({})

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#open(client, connect(targetPort, '127.0.0.1')))
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(targetPort)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  #open(client: Socket, server: Socket): void {
    const pid = processAtPort(client.remotePort ?? 0)
    const link: Link = {
      client,
      server,
      pid,
      disturbance: this.#ofNew(pid),
      held: [],
      tail: { requests: undefined, replies: undefined },
    }
    this.#links.add(link)
    client.on('data', (chunk: Buffer) => this.#pass(link, 'requests', chunk))
    server.on('data', (chunk: Buffer) => this.#pass(link, 'replies', chunk))
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        client.destroy()
        server.destroy()
        this.#links.delete(link)
      })
    }
  }

  #pass(link: Link, direction: Direction, chunk: Buffer): void {
    const { hold, delayMs, resets = 0 } = link.disturbance
    if (hold === 'both' || hold === direction) {
      link.held.push({ direction, chunk })
      return
    }
    if (resets > 0 && Math.random() < resets) return reset(link)
    const target = direction === 'requests' ? link.server : link.client
    if (delayMs === undefined && link.tail[direction] === undefined) {
      target.write(chunk)
      return
    }
    const mine = (link.tail[direction] ?? Promise.resolve())
      .then(() => sleep(delayMs ?? 0))
      .then(() => {
        target.write(chunk)
        if (link.tail[direction] === mine) link.tail[direction] = undefined
      })
    link.tail[direction] = mine
  }

  /** Of every connection, or of those of one process; those that are made from now on included. */
  disturb(disturbance: Disturbance, pid?: number): void {
    this.#ofNew = (one) => (pid === undefined || one === pid ? disturbance : {})
    for (const link of this.#links) link.disturbance = this.#ofNew(link.pid)
  }

  /** What is open falls silent for good; new connections work. */
  fallSilent(): void {
    for (const link of this.#links) link.disturbance = { hold: 'both' }
  }

  /** Everything passes again, what was held back first. */
  heal(): void {
    this.#ofNew = () => ({})
    for (const link of this.#links) {
      link.disturbance = {}
      for (const { direction, chunk } of link.held.splice(0)) this.#pass(link, direction, chunk)
    }
  }

  /** Resets what is open. */
  cut(): void {
    for (const link of this.#links) reset(link)
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}

function reset({ client, server }: Link): void {
  client.resetAndDestroy()
  server.destroy()
}

/** The process that holds the local TCP port, by /proc. */
function processAtPort(port: number): number | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((one) => one.trim().split(/\s+/)[1]?.endsWith(`:${hex}`))
  const inode = line?.trim().split(/\s+/)[9]
  if (inode === undefined || inode === '0') return undefined
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => holds(pid, `socket:[${inode}]`))
}

function holds(pid: number, socket: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === socket
      } catch {
        return false
      }
    })
  } catch {
    return false
  }
}
