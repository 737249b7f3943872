/**
 * A TCP proxy that does to connections what networks do: cut, hold back in one or both directions, delay, reset at
 * random. What is held back is delivered when the network heals, as TCP would: late bytes are part of the test. Several
 * disturbances may be at work at once; bytes of one direction never overtake each other.
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
  held: Record<Direction, Buffer[]>
  /** Chunks that are delayed pass one after the other. */
  tail: Record<Direction, Promise<void> | undefined>
}

export class FaultProxy {
  readonly #server: Server
  #targetPort: number
  readonly #links = new Set<Link>()
  /** At work now, with the process that they are for; undefined: all. */
  readonly #active = new Set<{ disturbance: Disturbance; pid: number | undefined }>()

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#server = createServer((client) => this.#open(client, connect(this.#targetPort, '127.0.0.1')))
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
    const pid = processBehind(client)
    const link: Link = {
      client,
      server,
      pid,
      disturbance: this.#of(pid),
      held: { requests: [], replies: [] },
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
    if (holds(link.disturbance, direction) || link.held[direction].length > 0) link.held[direction].push(chunk)
    else this.#deliver(link, direction, chunk)
  }

  #deliver(link: Link, direction: Direction, chunk: Buffer): void {
    const { delayMs, resets = 0 } = link.disturbance
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

  /** Of every connection, or of those of one process, new ones included. Returns what ends it. */
  disturb(disturbance: Disturbance, pid?: number): () => void {
    const one = { disturbance, pid }
    this.#active.add(one)
    this.#refresh()
    return () => {
      this.#active.delete(one)
      this.#refresh()
    }
  }

  #of(pid: number | undefined): Disturbance {
    return [...this.#active]
      .filter((one) => one.pid === undefined || one.pid === pid)
      .reduce<Disturbance>((all, { disturbance }) => together(all, disturbance), {})
  }

  #refresh(): void {
    for (const link of this.#links) {
      link.disturbance = this.#of(link.pid)
      for (const direction of ['requests', 'replies'] as const)
        if (!holds(link.disturbance, direction))
          for (const chunk of link.held[direction].splice(0)) this.#deliver(link, direction, chunk)
    }
  }

  /** What is open falls silent for good; new connections work. */
  fallSilent(): void {
    for (const link of this.#links) link.disturbance = { hold: 'both' }
  }

  /** Resets what is open. */
  cut(): void {
    for (const link of this.#links) reset(link)
  }

  /** Resets what is open; what is opened from now on goes to another server. */
  leadTo(port: number): void {
    this.#targetPort = port
    this.cut()
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}

function holds({ hold }: Disturbance, direction: Direction): boolean {
  return hold === 'both' || hold === direction
}

function together(a: Disturbance, b: Disturbance): Disturbance {
  const hold = a.hold === undefined || a.hold === b.hold ? b.hold : b.hold === undefined ? a.hold : 'both'
  const delayMs = (a.delayMs ?? 0) + (b.delayMs ?? 0)
  return {
    ...(hold === undefined ? {} : { hold }),
    ...(delayMs === 0 ? {} : { delayMs }),
    resets: Math.max(a.resets ?? 0, b.resets ?? 0),
  }
}

function reset({ client, server }: Link): void {
  client.resetAndDestroy()
  server.destroy()
}

/**
 * The process at the other end of an accepted connection of this machine, by /proc. Both ports tell which one it is:
 * the port of a client may serve connections to other servers, too, those that have ended included.
 */
function processBehind({ remotePort, localPort }: Socket): number | undefined {
  const ends = [remotePort, localPort].map((port = 0) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`)
  const inode = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((columns) => ends.every((end, i) => columns[i + 1]?.endsWith(end)))?.[9]
  if (inode === undefined || inode === '0') return undefined
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => hasOpen(pid, `socket:[${inode}]`))
}

function hasOpen(pid: number, socket: string): boolean {
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
