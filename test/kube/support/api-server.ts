/** A real API server over a real etcd, on free ports of this machine, for as long as a test file runs. */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { parseAllDocuments } from 'yaml'
import { Connection } from '../../../operator/kube/connection.ts'
import { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { KubeObject } from '../../../operator/kube/objects.ts'
import { VECTOR_CLUSTERS } from '../../../operator/resources.ts'
import { until } from '../../../runtime/until.ts'
import { freePort } from '../../../supervisor/os-process.ts'
import { binary, ensureBinaries, LESS_COLLECTION } from '../../go/programs.ts'
import { CRDS, NAMESPACES } from './resources.ts'

const READY_MS = 60_000
/** For a new kind. */
const SERVED_MS = 60_000

export class ApiServer {
  readonly folder: string
  readonly etcdUrl: string
  readonly port: number
  readonly #etcdPeerPort: number
  #etcd: ChildProcess | undefined
  #server: ChildProcess | undefined

  private constructor(folder: string, ports: number[]) {
    this.folder = folder
    const [etcd = 0, peer = 0, secure = 0] = ports
    this.etcdUrl = `http://127.0.0.1:${etcd}`
    this.#etcdPeerPort = peer
    this.port = secure
  }

  static async start(): Promise<ApiServer> {
    await ensureBinaries('api', (line) => console.log(line))
    const folder = await mkdtemp(join(tmpdir(), 'maksdb-api-'))
    const server = new ApiServer(folder, await Promise.all(['etcd', 'peer', 'secure'].map(() => freePort('127.0.0.1'))))
    await server.#prepare()
    server.#startEtcd()
    await server.startServer()
    return server
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`
  }

  get kubeconfig(): string {
    return join(this.folder, 'kubeconfig')
  }

  async #prepare(): Promise<void> {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    const token = randomBytes(16).toString('hex')
    await writeFile(join(this.folder, 'accounts.key'), privateKey)
    await writeFile(join(this.folder, 'accounts.pub'), publicKey)
    await writeFile(join(this.folder, 'tokens.csv'), `${token},admin,admin,"system:masters"\n`)
    await this.writeKubeconfig(this.kubeconfig, token, this.url)
  }

  async writeKubeconfig(path: string, token: string, server: string): Promise<void> {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      // The server makes its own certificate, which signs itself.
      clusters: [
        {
          name: 'test',
          cluster: {
            server,
            'certificate-authority': join(this.folder, 'certs', 'apiserver.crt'),
            'tls-server-name': 'kubernetes',
          },
        },
      ],
      users: [{ name: 'test', user: { token } }],
    }
    await writeFile(path, JSON.stringify(config))
  }

  #startEtcd(): void {
    const peer = `http://127.0.0.1:${this.#etcdPeerPort}`
    this.#etcd = this.#spawn('etcd', [
      `--data-dir=${join(this.folder, 'etcd')}`,
      `--listen-client-urls=${this.etcdUrl}`,
      `--advertise-client-urls=${this.etcdUrl}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--unsafe-no-fsync',
      '--log-level=error',
    ])
  }

  async startServer(): Promise<void> {
    const at = (name: string) => join(this.folder, name)
    this.#server = this.#spawn('kube-apiserver', [
      `--etcd-servers=${this.etcdUrl}`,
      '--bind-address=127.0.0.1',
      '--endpoint-reconciler-type=none',
      `--secure-port=${this.port}`,
      `--cert-dir=${at('certs')}`,
      // Both families, for Services of either.
      '--service-cluster-ip-range=10.0.0.0/16,fd00:10::/112',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${at('accounts.pub')}`,
      `--service-account-signing-key-file=${at('accounts.key')}`,
      `--token-auth-file=${at('tokens.csv')}`,
      '--authorization-mode=RBAC',
      // There is no controller that would make the default accounts.
      '--disable-admission-plugins=ServiceAccount',
    ])
    const client = this.client()
    await until(
      `kube-apiserver; see ${this.folder}`,
      () =>
        client.call('GET', '/readyz').then(
          () => true,
          // "ok" is no JSON, which proves an answer.
          (error: unknown) => String(error).includes('JSON'),
        ),
      READY_MS,
    )
    await client.connection.close()
  }

  /** The API server alone; etcd and what it holds stay. */
  async stopServer(): Promise<void> {
    await end(this.#server)
    this.#server = undefined
  }

  #spawn(name: string, args: string[]): ChildProcess {
    const log = openSync(join(this.folder, `${name}.log`), 'a')
    return spawn(binary(name), args, { stdio: ['ignore', log, log], env: { ...process.env, ...LESS_COLLECTION } })
  }

  client(hooks: ConstructorParameters<typeof KubeClient>[1] = {}, onHandshake?: () => void): KubeClient {
    return new KubeClient(Connection.fromFile(this.kubeconfig, onHandshake), hooks)
  }

  /** The committed definition; resolves when its kind is served. */
  async installCrd(client: KubeClient): Promise<void> {
    const [definition] = parseAllDocuments(readFileSync('crds/maksdb.io_vectorclusters.yaml', 'utf8'))
    await client.apply(CRDS, definition?.toJS() as KubeObject, 'test')
    await until(
      'the kind to be served',
      async () => {
        const served = await client.list(VECTOR_CLUSTERS).catch(() => undefined)
        return served !== undefined
      },
      SERVED_MS,
    )
  }

  /** Forgets every revision before the present one: what points to one of them is told 410. */
  async compact(): Promise<void> {
    const post = (path: string, body: unknown) =>
      request(`${this.etcdUrl}${path}`, { method: 'POST', body: JSON.stringify(body) }).then((answer) =>
        answer.body.json(),
      )
    const { header } = (await post('/v3/kv/range', { key: 'AA==' })) as { header: { revision: string } }
    await post('/v3/kv/compaction', { revision: header.revision, physical: true })
  }

  async stop(): Promise<void> {
    await end(this.#server)
    await end(this.#etcd)
    await rm(this.folder, { recursive: true, force: true })
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const kill = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(kill)
}

/** Makes the namespace where it is not there; answers its name. */
export async function namespace(client: KubeClient, name: string): Promise<string> {
  await client.apply(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, 'test')
  return name
}
