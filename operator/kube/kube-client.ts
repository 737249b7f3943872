/**
 * Calls to the API server. Every call has a time limit; a 401 is tried once more with credentials read again, a 429 is
 * the caller's to wait for. Objects are made by POST, which takes over nothing that is there already, and changed by
 * server-side apply: what others own in them stays theirs.
 */
import { request } from 'undici'
import type { Connection } from './connection.ts'
import { asKubeError, errorOfAnswer, KubeError } from './kube-error.ts'
import { type KubeList, type KubeObject, type ObjectName, pathOf, type Resource } from './objects.ts'

const CALL_TIMEOUT_MS = 10_000
/** Largest page of a list. */
const PAGE_LIMIT = 500

const APPLY = 'application/apply-patch+yaml'
const MERGE = 'application/merge-patch+json'
const JSON_PATCH = 'application/json-patch+json'

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: KubeObject & { code?: number; reason?: string; message?: string }
}

export interface ListOptions {
  namespace?: string | undefined
  labelSelector?: string | undefined
}

export interface JsonPatchOperation {
  op: 'replace' | 'add' | 'remove' | 'test'
  path: string
  value?: unknown
}

interface CallOptions {
  query?: Record<string, string | undefined>
  body?: unknown
  contentType?: string
  signal?: AbortSignal | undefined
}

/** Called before every call that changes something; throwing stops it. Tests count and kill here. */
export type WriteHook = (method: string, path: string) => void

export class KubeClient {
  readonly connection: Connection
  readonly #onWrite: WriteHook
  readonly #onAnswer: (method: string, status: number) => void

  constructor(
    connection: Connection,
    hooks: { onWrite?: WriteHook; onAnswer?: (method: string, status: number) => void } = {},
  ) {
    this.connection = connection
    this.#onWrite = hooks.onWrite ?? (() => {})
    this.#onAnswer = hooks.onAnswer ?? (() => {})
  }

  /** One call; the answer's JSON. Throws KubeError. */
  async call<T = KubeObject>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    if (method !== 'GET') this.#onWrite(method, path)
    try {
      const first = await this.#once(method, path, options, false)
      const { statusCode, text, retryAfter } =
        first.statusCode === 401 ? await this.#once(method, path, options, true) : first
      this.#onAnswer(method, statusCode)
      if (statusCode >= 400) throw errorOfAnswer(statusCode, text, retryAfter)
      return (text === '' ? {} : JSON.parse(text)) as T
    } catch (thrown) {
      throw asKubeError(thrown)
    }
  }

  async #once(method: string, path: string, options: CallOptions, refresh: boolean) {
    const { server, headers, dispatcher } = await this.connection.credentials(refresh)
    const limit = AbortSignal.timeout(CALL_TIMEOUT_MS)
    const response = await request(urlOf(server, path, options.query), {
      method,
      dispatcher,
      headers: { ...headers, accept: 'application/json', 'content-type': options.contentType ?? 'application/json' },
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ? AbortSignal.any([limit, options.signal]) : limit,
    })
    const retryAfter = response.headers['retry-after']
    return {
      statusCode: response.statusCode,
      text: await response.body.text(),
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
    }
  }

  get(resource: Resource, at: ObjectName, signal?: AbortSignal): Promise<KubeObject> {
    return this.call('GET', pathOf(resource, at), { signal })
  }

  /** The whole list, as of one resource version. */
  async list(resource: Resource, options: ListOptions = {}, signal?: AbortSignal): Promise<KubeList> {
    const items: KubeObject[] = []
    let metadata: KubeList['metadata'] = { resourceVersion: '' }
    for await (const page of this.pages(resource, options, signal)) {
      items.push(...page.items)
      metadata = page.metadata
    }
    return { metadata, items }
  }

  /** The list page by page, all as of one resource version: a long one never stands whole in memory. */
  async *pages(resource: Resource, options: ListOptions = {}, signal?: AbortSignal): AsyncGenerator<KubeList> {
    let next: string | undefined
    do {
      const page: KubeList = await this.call<KubeList>('GET', pathOf(resource, { namespace: options.namespace }), {
        query: { labelSelector: options.labelSelector, limit: String(PAGE_LIMIT), continue: next },
        signal,
      })
      const { apiVersion, kind } = resource
      yield { ...page, items: page.items.map((item) => ({ ...item, apiVersion, kind })) }
      next = page.metadata.continue
    } while (next)
  }

  create(resource: Resource, object: KubeObject, signal?: AbortSignal): Promise<KubeObject> {
    return this.call('POST', pathOf(resource, { namespace: object.metadata.namespace }), { body: object, signal })
  }

  /** Creates what will be applied later: as strict with unknown fields as an apply is. */
  createToApply(
    resource: Resource,
    object: KubeObject,
    fieldManager: string,
    signal?: AbortSignal,
  ): Promise<KubeObject> {
    return this.call('POST', pathOf(resource, { namespace: object.metadata.namespace }), {
      query: { fieldManager, fieldValidation: 'Strict' },
      body: object,
      signal,
    })
  }

  /**
   * Server-side apply: creates or changes; conflicts are taken over, since what we declare is ours to declare. With a uid and
   * a resource version in the object it changes that very state or nothing.
   */
  apply(resource: Resource, object: KubeObject, fieldManager: string, signal?: AbortSignal): Promise<KubeObject> {
    return this.#apply(resource, object, fieldManager, undefined, signal)
  }

  applyStatus(resource: Resource, object: KubeObject, fieldManager: string, signal?: AbortSignal): Promise<KubeObject> {
    return this.#apply(resource, object, fieldManager, 'status', signal)
  }

  #apply(
    resource: Resource,
    object: KubeObject,
    fieldManager: string,
    subresource: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<KubeObject> {
    return this.call('PATCH', pathOf(resource, object.metadata, subresource), {
      query: { fieldManager, force: 'true' },
      contentType: APPLY,
      body: object,
      signal,
    })
  }

  /** For finalizers and sizes of volumes: with a resource version in the patch it changes that very state or nothing. */
  mergePatch(resource: Resource, at: ObjectName, patch: unknown, signal?: AbortSignal): Promise<KubeObject> {
    return this.call('PATCH', pathOf(resource, at), { contentType: MERGE, body: patch, signal })
  }

  /** Puts values in place of what is there, at this very resource version or not at all. */
  jsonPatch(
    resource: Resource,
    { metadata }: KubeObject,
    operations: readonly JsonPatchOperation[],
    fieldManager: string,
    signal?: AbortSignal,
  ): Promise<KubeObject> {
    const guard = { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion }
    return this.call('PATCH', pathOf(resource, metadata), {
      query: { fieldManager },
      contentType: JSON_PATCH,
      body: [...operations, guard],
      signal,
    })
  }

  /** Deletes this very object (by uid) and no namesake; gone already is done. Answers the object where it is on its way out. */
  async delete(
    resource: Resource,
    object: KubeObject,
    options: { propagation?: 'Background' | 'Foreground' | 'Orphan'; gracePeriodSeconds?: number } = {},
    signal?: AbortSignal,
  ): Promise<KubeObject | undefined> {
    const { uid } = object.metadata
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: options.propagation ?? 'Background',
      ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    }
    try {
      const answer = await this.call('DELETE', pathOf(resource, object.metadata), { body, signal })
      return answer.kind === resource.kind ? answer : undefined
    } catch (error) {
      // A conflict is the precondition: another object of this name lives there now.
      if (!(error instanceof KubeError) || (error.status !== 404 && error.status !== 409)) throw error
      return undefined
    }
  }

  /**
   * Events from a resource version on, until the server ends the stream. A connection that says nothing for `silenceMs`,
   * bookmarks included, is given up: proxies and dead peers give no sign.
   */
  async *watch(
    resource: Resource,
    options: ListOptions & { resourceVersion: string; timeoutSeconds: number; silenceMs: number },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const { server, headers, dispatcher } = await this.connection.credentials()
    const silence = new AbortController()
    const silent = () => silence.abort(new KubeError(0, 'Silent', `no bytes came for ${options.silenceMs} ms`))
    let timer = setTimeout(silent, options.silenceMs)
    try {
      const response = await request(
        urlOf(server, pathOf(resource, { namespace: options.namespace }), {
          watch: 'true',
          allowWatchBookmarks: 'true',
          resourceVersion: options.resourceVersion,
          timeoutSeconds: String(options.timeoutSeconds),
          labelSelector: options.labelSelector,
        }),
        {
          dispatcher,
          headers: { ...headers, accept: 'application/json' },
          headersTimeout: 0,
          bodyTimeout: 0,
          signal: AbortSignal.any([signal, silence.signal]),
        },
      )
      if (response.statusCode === 401) await this.connection.credentials(true)
      if (response.statusCode >= 400) throw errorOfAnswer(response.statusCode, await response.body.text(), undefined)
      let rest = ''
      const decoder = new TextDecoder()
      for await (const chunk of response.body) {
        clearTimeout(timer)
        timer = setTimeout(silent, options.silenceMs)
        const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as WatchEvent
      }
    } catch (thrown) {
      throw asKubeError(silence.signal.aborted ? silence.signal.reason : thrown)
    } finally {
      clearTimeout(timer)
    }
  }
}

function urlOf(server: string, path: string, query: Record<string, string | undefined> = {}): string {
  const url = new URL(server.replace(/\/$/, '') + path)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value)
  return url.toString()
}
