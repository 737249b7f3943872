/** The cluster that the tests of this tier run on, and the commands of a user: kubectl, helm, the REST API. */

import { spawn } from 'node:child_process'
import { Agent, request, setGlobalDispatcher } from 'undici'
import { inject } from 'vitest'
import { Connection } from '../../../operator/kube/connection.ts'
import { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { KubeObject } from '../../../operator/kube/objects.ts'
import { PODS, VECTOR_CLUSTERS, VOLUME_CLAIMS } from '../../../operator/resources.ts'
import type { VectorClusterStatus } from '../../../protocol/manifest/vector-cluster-status.ts'
import { within } from '../../../runtime/until.ts'
import { binary } from '../../go/programs.ts'
import { CONFIG_MAPS, NAMESPACES, SERVICES } from './resources.ts'

export interface TestCluster {
  kubeconfig: string
  image: string
  /** Made by the tests: its processes are at hand. */
  own: boolean
}

declare module 'vitest' {
  interface ProvidedContext {
    cluster: TestCluster
  }
}

// A test waits for the server's answer, however long the server may take.
setGlobalDispatcher(new Agent({ headersTimeout: 0, bodyTimeout: 0 }))

/** A label of namespaces that these tests have made. */
const OF_TESTS = 'maksdb.io/of-tests'
const GONE_MS = 120_000

export class Kubernetes {
  readonly namespace: string
  readonly client: KubeClient
  readonly image: string
  readonly #kubeconfig: string

  constructor(namespace: string, { kubeconfig, image }: TestCluster = inject('cluster')) {
    this.namespace = namespace
    this.#kubeconfig = kubeconfig
    this.image = image
    this.client = new KubeClient(Connection.fromFile(kubeconfig))
  }

  async start(): Promise<void> {
    const metadata = { name: this.namespace, labels: { [OF_TESTS]: 'true' } }
    const object = { apiVersion: 'v1', kind: 'Namespace', metadata }
    await this.client.apply(NAMESPACES, object, 'test')
  }

  /** Ends everything of these tests. The next tests do not wait for it; the end of the run does (`namespacesGone`). */
  async stop(): Promise<void> {
    const { items } = await this.client.list(VECTOR_CLUSTERS, { namespace: this.namespace })
    for (const item of items) await this.client.delete(VECTOR_CLUSTERS, item)
    await this.kubectl('delete', 'namespace', this.namespace, '--wait=false')
    await this.client.connection.close()
  }

  /** Every namespace that a test file has deleted is gone. Throws with the names of those that stay. */
  async namespacesGone(): Promise<void> {
    let left: string[] = []
    const gone = await within({ limitMs: GONE_MS, everyMs: 500 }, async () => {
      const { items } = await this.client.list(NAMESPACES, { labelSelector: OF_TESTS })
      left = items.flatMap(({ metadata }) => (metadata.deletionTimestamp === undefined ? [] : [metadata.name]))
      return left.length === 0 || undefined
    })
    if (gone === undefined) throw new Error(`after ${GONE_MS} ms there still are: ${left.join(', ')}`)
  }

  kubectl(...args: string[]): Promise<string> {
    return command(binary('kubectl'), ['-n', this.namespace, ...args], this.#kubeconfig)
  }

  helm(...args: string[]): Promise<string> {
    return command(binary('helm'), ['-n', this.namespace, ...args], this.#kubeconfig)
  }

  /** Values that make the chart take the image under test. */
  get imageValues(): string[] {
    const [repository, tag] = [this.image.slice(0, this.image.lastIndexOf(':')), this.image.split(':').at(-1)]
    return [`image.repository=${repository}`, `image.tag=${tag}`, 'image.pullPolicy=IfNotPresent'].flatMap((value) => [
      '--set',
      value,
    ])
  }

  apply(name: string, spec: object, annotations: Record<string, string> = {}): Promise<KubeObject> {
    const { apiVersion, kind } = VECTOR_CLUSTERS
    const metadata = { name, namespace: this.namespace, annotations }
    return this.client.apply(VECTOR_CLUSTERS, { apiVersion, kind, metadata, spec: { ...spec } }, 'test')
  }

  /** Puts centroids into a ConfigMap, and answers the part of a manifest that names it. */
  async supplied(centroids: readonly number[][]): Promise<object> {
    const data = { 'centroids.json': JSON.stringify(centroids) }
    const metadata = { name: 'centres', namespace: this.namespace }
    await this.client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data })
    return { source: 'Supplied', configMapRef: { name: 'centres', key: 'centroids.json' } }
  }

  async status(name: string): Promise<VectorClusterStatus> {
    const object = await this.client.get(VECTOR_CLUSTERS, { namespace: this.namespace, name })
    return object.status ?? {}
  }

  /** Ready, with every pod ready and nothing under way, for the manifest as it is now. */
  async settled(name: string, limitMs = 180_000): Promise<VectorClusterStatus> {
    return this.until(`${name} to settle`, limitMs, async () => {
      const object = await this.client.get(VECTOR_CLUSTERS, { namespace: this.namespace, name })
      const status = (object.status ?? {}) as VectorClusterStatus
      const is = (type: string) => status.conditions?.find((condition) => condition.type === type)?.status
      const fresh = status.observedGeneration === object.metadata.generation
      return fresh && is('Ready') === 'True' && is('Progressing') === 'False' && is('Degraded') === 'False'
        ? status
        : undefined
    })
  }

  /** As `until` of the runtime, but what an attempt throws is no end; at the end it shows the state of the namespace. */
  async until<T>(what: string, limitMs: number, attempt: () => Promise<T | undefined>): Promise<T> {
    let last: Error | undefined
    const value = await within({ limitMs, everyMs: 200 }, () =>
      attempt().catch((error: unknown) => {
        last = error as Error
        return undefined
      }),
    )
    if (value !== undefined) return value
    const state = await this.kubectl('get', 'vc,pods,pvc', '-o', 'wide').catch(String)
    const story = await this.kubectl('describe', 'vc').catch(String)
    throw new Error(
      `waited ${limitMs} ms for ${what}${last ? `: ${last.message}` : ''}\n${state}\n${story.slice(-6000)}`,
    )
  }

  async pods(selector: string): Promise<KubeObject[]> {
    return (await this.client.list(PODS, { namespace: this.namespace, labelSelector: selector })).items
  }

  async claims(selector: string): Promise<KubeObject[]> {
    return (await this.client.list(VOLUME_CLAIMS, { namespace: this.namespace, labelSelector: selector })).items
  }

  async secret(name: string, key: string): Promise<string> {
    const secret = await this.client.get(
      { apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true },
      { namespace: this.namespace, name },
    )
    return Buffer.from(secret.data?.[key] ?? '', 'base64').toString()
  }

  /** Base URL and key of a VectorCluster's Service; the namespace of the cluster is routed to from here. */
  async endpoint(name: string): Promise<{ url: string; apiKey: string; host: string }> {
    const service = await this.client.get(SERVICES, { namespace: this.namespace, name })
    const host = String(service.spec?.clusterIP)
    return { url: `http://${host}:6333`, host, apiKey: await this.secret(`${name}-api-key`, 'api-key') }
  }
}

export async function rest<T = unknown>(
  { url, apiKey }: { url: string; apiKey: string },
  method: 'GET' | 'PUT' | 'POST',
  path: string,
  body?: unknown,
): Promise<T> {
  const answer = await request(`${url}${path}`, {
    method,
    headers: { 'api-key': apiKey, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  })
  const text = await answer.body.text()
  if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
  return (JSON.parse(text) as { result: T }).result
}

export function command(file: string, args: string[], kubeconfig: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    child.on('error', reject)
    child.on('exit', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${args.join(' ')}: exit ${code}\n${output}\n${errors}`)),
    )
  })
}
