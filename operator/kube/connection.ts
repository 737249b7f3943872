/**
 * How to reach the API server: client-node reads the kubeconfig or the pod's service account; one undici Agent carries
 * every call. (client-node 2.0 makes a new Agent, hence a new TLS connection, for each.)
 */
import { createHash } from 'node:crypto'
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { Agent, buildConnector, type Dispatcher } from 'undici'

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
  readonly #config: KubeConfig
  readonly #onHandshake: () => void
  #credentials: Credentials | undefined
  #digest = ''
  #readAt = 0

  constructor(config: KubeConfig, onHandshake: () => void = () => {}) {
    this.#config = config
    this.#onHandshake = onHandshake
  }

  /** From KUBECONFIG, the home folder or the pod's service account, in this order. */
  static fromDefault(onHandshake?: () => void): Connection {
    const config = new KubeConfig()
    config.loadFromDefault()
    return new Connection(config, onHandshake)
  }

  static fromFile(path: string, onHandshake?: () => void): Connection {
    const config = new KubeConfig()
    config.loadFromFile(path)
    return new Connection(config, onHandshake)
  }

  async credentials(refresh = false): Promise<Credentials> {
    const now = performance.now()
    if (this.#credentials && !refresh && now - this.#readAt < REFRESH_MS) return this.#credentials
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
    const connector = buildConnector(defined)
    return new Agent({
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      // One connection for everything would be one that can fall silent for everything.
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

export type { Dispatcher }
