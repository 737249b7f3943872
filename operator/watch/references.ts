/** What a manifest names and others keep: Secrets and ConfigMaps. Missing ones are said, and looked for again. */
import type { VectorCluster } from '../../protocol/manifest/vector-cluster.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { isNotFound } from '../kube/kube-error.ts'
import type { KubeObject, Resource } from '../kube/objects.ts'
import { digest } from '../manifests/inputs.ts'
import { KEYS } from '../manifests/names.ts'
import { OWNED } from '../resources.ts'

const REMEMBER_MS = 2000
const REMEMBERED_MAX = 10_000

export interface References {
  /** Sentences about what is missing. */
  missing: string[]
  externalUrl: string | undefined
  /** Data of the Secret of the API keys that the manifest names. */
  apiKeyDigest: string
  centroidsDigest: string
}

export class ReferenceReader {
  readonly #client: KubeClient
  readonly #seen = new Map<string, { at: number; object: KubeObject | undefined }>()

  constructor(client: KubeClient) {
    this.#client = client
  }

  async read({ metadata, spec }: VectorCluster, signal: AbortSignal): Promise<References> {
    const missing: string[] = []
    const value = async (field: string, resource: Resource, name: string, key: string) => {
      const found = (await this.#get(resource, metadata.namespace, name, signal))?.data?.[key]
      if (found === undefined) missing.push(`spec.${field}: there is no ${resource.kind} ${name} with the key ${key}`)
      return found
    }
    const { external } = spec.redis
    const url =
      external && (await value('redis.external', OWNED.Secret, external.urlSecretRef.name, external.urlSecretRef.key))
    const apiKey = spec.auth && (await value('auth', OWNED.Secret, spec.auth.secretRef.name, KEYS.apiKey))
    const readOnly =
      spec.auth &&
      (await this.#get(OWNED.Secret, metadata.namespace, spec.auth.secretRef.name, signal))?.data?.[KEYS.readOnlyApiKey]
    if (spec.tls) {
      await value('tls', OWNED.Secret, spec.tls.secretRef.name, 'tls.crt')
      await value('tls', OWNED.Secret, spec.tls.secretRef.name, 'tls.key')
    }
    const supplied = spec.centroids.configMapRef
    const centroids = supplied && (await value('centroids.configMapRef', OWNED.ConfigMap, supplied.name, supplied.key))
    return {
      missing,
      externalUrl: url === undefined ? undefined : Buffer.from(url, 'base64').toString().trim(),
      apiKeyDigest: spec.auth ? digest([apiKey, readOnly]) : '',
      centroidsDigest: supplied ? digest(centroids ?? null) : '',
    }
  }

  async #get(
    resource: Resource,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<KubeObject | undefined> {
    const key = `${resource.kind}/${namespace}/${name}`
    const known = this.#seen.get(key)
    if (known && performance.now() - known.at < REMEMBER_MS) return known.object
    const object = await this.#client.get(resource, { namespace, name }, signal).catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
    if (this.#seen.size >= REMEMBERED_MAX) this.#seen.clear()
    this.#seen.set(key, { at: performance.now(), object })
    return object
  }
}
