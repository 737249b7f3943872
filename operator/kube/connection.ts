/**
 * How to reach the API server: client-node reads the kubeconfig or the pod's service account; one undici Agent carries
 * every call. (client-node 2.0 makes a new Agent, hence a new TLS connection, for each.)
 */
import { createHash } from 'node:crypto'
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { Agent, buildConnector } from 'undici'

/** Tokens of service accounts and certificates are read again after this time, or at once on a 401. */
const REFRESH_MS = 30_000
const CONNECTIONS_MAX = 128
const KEEP_ALIVE_MS = 60_000

interface Credentials {
  server: string
  headers: Record<string, string>
  dispatcher: Agent
}

export class Connection {
  readonly #load: () => KubeConfig
  #config: KubeConfig
  readonly #onHandshake: () => void
  #credentials: Credentials | undefined
  #digest = ''
  #readAt = 0

  constructor(load: () => KubeConfig, onHandshake: () => void = () => {}) {
    this.#load = load
    this.#config = load()
    this.#onHandshake = onHandshake
  }

  /** From KUBECONFIG, the home folder or the pod's service account, in this order. */
  static fromDefault(onHandshake?: () => void): Connection {
    return new Connection(() => {
      const config = new KubeConfig()
      config.loadFromDefault()
      return config
    }, onHandshake)
  }

  static fromFile(path: string, onHandshake?: () => void): Connection {
    return new Connection(() => {
      const config = new KubeConfig()
      config.loadFromFile(path)
      return config
    }, onHandshake)
  }

  async credentials(refresh = false): Promise<Credentials> {
    const now = performance.now()
    if (this.#credentials && !refresh && now - this.#readAt < REFRESH_MS) return this.#credentials
    // client-node remembers a token for a minute, also one that has just been refused.
    if (refresh) this.#config = this.#load()
    const options: RequestOptions = { headers: {} }
    await this.#config.applyToHTTPSOptions(options)
    const cluster = this.#config.getCurrentCluster()
    if (!cluster) throw new Error('no kubeconfig, and not in a pod: set KUBECONFIG')
    const tls = {
      ca: options.ca,
      cert: options.cert,
      key: options.key,
      servername: options.servername,
      rejectUnauthorized: options.rejectUnauthorized,
    }
    const digest = createHash('sha256').update(JSON.stringify(tls)).digest('hex')
    let dispatcher = this.#credentials?.dispatcher
    if (!dispatcher || digest !== this.#digest) {
      // The old Agent ends when its last watch does; new calls no longer use it.
      void dispatcher?.close().catch(() => undefined)
      dispatcher = this.#agent(tls)
    }
    this.#digest = digest
    this.#readAt = now
    this.#credentials = { server: cluster.server, headers: headersOf(options), dispatcher }
    return this.#credentials
  }

  #agent(tls: Record<string, unknown>): Agent {
    const defined = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
    // HTTP/1: with one connection for everything, one that falls silent would be silent for everything.
    const connector = buildConnector({ ...defined, allowH2: false })
    return new Agent({
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: (options, callback) => {
        this.#onHandshake()
        connector(options, callback)
      },
    })
  }

  async close(): Promise<void> {
    await this.#credentials?.dispatcher.destroy()
  }
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value)
  if (typeof options.auth === 'string') headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`
  return headers
}
