/**
 * A copy of one kind's objects that follows the API server: LIST, then WATCH, again and again.
 *
 *   LIST --ok--> WATCH --end of stream, reset, silence--> (wait) WATCH from the last version seen
 *     ^            |
 *     +- 410, in an answer or in an event; every `relistMs` -+
 *
 * An object is kept packed, in a twentieth of what it takes in parsed form, and unpacked for each reader: readers look at
 * the few objects of one key, while the copies are many.
 *
 * Bookmarks keep the version fresh where nothing happens. The regular LIST is a test of the watch: an object that it
 * shows otherwise than the copy, at a version that the watch has passed, is a missed event and is counted.
 */
import { sleep } from '../../runtime/lifecycle.ts'
import type { KubeClient, ListOptions } from './kube-client.ts'
import { asKubeError, KubeError } from './kube-error.ts'
import { type KubeObject, keyOf, type Resource } from './objects.ts'
import { Packer } from './packer.ts'

const BACKOFF_FIRST_MS = 500
const BACKOFF_MAX_MS = 30_000
/** A watch that lived so long has not failed. */
const HEALTHY_MS = 60_000
/** A kind that is not there yet, such as a CRD that is being installed, is asked for this often. */
const ABSENT_MS = 1000
const WATCH_SECONDS_MIN = 240
const WATCH_SECONDS_SPREAD = 240
/** Bookmarks come about once a minute. */
const SILENCE_MS = 150_000
const RELIST_MS = 600_000

export interface ReflectorHooks {
  /** After the copy has changed; `object` is the new state, or the last one of what is gone. Must not throw. */
  onChange?: (object: KubeObject, gone: boolean) => void
  onRestart?: (reason: string) => void
  onMiss?: (key: string) => void
}

export interface ReflectorOptions extends ListOptions {
  /** Objects are also found by this value. */
  indexBy?: (object: KubeObject) => string | undefined
  silenceMs?: number
  relistMs?: number
  /** Goes on from here as if it had listed before: tests start from versions that are gone. */
  resumeFrom?: string
}

interface Kept {
  uid: string | undefined
  version: string | undefined
  value: string | undefined
  packed: string
}

export class Reflector {
  readonly #client: KubeClient
  readonly resource: Resource
  readonly #options: ReflectorOptions
  readonly #hooks: ReflectorHooks
  readonly #objects = new Map<string, Kept>()
  readonly #index = new Map<string, Set<string>>()
  readonly #packer = new Packer()
  #version: string | undefined
  #failures = 0
  #synced: () => void = () => {}
  /** Resolves after the first list. */
  readonly synced = new Promise<void>((resolve) => {
    this.#synced = resolve
  })

  constructor(client: KubeClient, resource: Resource, options: ReflectorOptions = {}, hooks: ReflectorHooks = {}) {
    this.#client = client
    this.resource = resource
    this.#options = options
    this.#hooks = hooks
    this.#version = options.resumeFrom
  }

  get(key: string): KubeObject | undefined {
    const kept = this.#objects.get(key)
    return kept && this.#packer.unpack(kept.packed)
  }

  get size(): number {
    return this.#objects.size
  }

  /** Keys and versions of what `by` gives: the same text means that nothing of it has changed. */
  versionsBy(value: string): string {
    return [...(this.#index.get(value) ?? [])].map((key) => `${key}@${this.#objects.get(key)?.version}`).join()
  }

  by(value: string): KubeObject[] {
    return [...(this.#index.get(value) ?? [])].flatMap((key) => this.get(key) ?? [])
  }

  /** Takes over the answer of a write of our own, so that the next look does not see the state before it. */
  learn(object: KubeObject): void {
    this.#store({ ...object, apiVersion: this.resource.apiVersion, kind: this.resource.kind })
  }

  async run(signal: AbortSignal): Promise<void> {
    let listAt = 0
    while (!signal.aborted) {
      const started = performance.now()
      try {
        if (this.#version === undefined || started >= listAt) {
          await this.#list(signal)
          listAt = performance.now() + (this.#options.relistMs ?? RELIST_MS)
        }
        await this.#watch(signal, listAt)
        this.#failures = 0
      } catch (thrown) {
        if (signal.aborted) return
        const error = asKubeError(thrown)
        if (error.expired) this.#version = undefined
        if (performance.now() - started > HEALTHY_MS) this.#failures = 0
        this.#hooks.onRestart?.(error.reason)
        // The first failure in a row is tried again at once when the version was gone, never in a tight loop after.
        await sleep(error.expired && this.#failures++ === 0 ? 0 : this.#backoff(error), signal)
      }
    }
  }

  #backoff(error: KubeError): number {
    const most = error.status === 404 ? ABSENT_MS : BACKOFF_MAX_MS
    const cap = Math.min(most, BACKOFF_FIRST_MS * 2 ** Math.min(10, this.#failures++))
    return Math.max(Math.random() * cap, (error.retryAfterS ?? 0) * 1000)
  }

  async #list(signal: AbortSignal): Promise<void> {
    const seen = this.#version
    const listed = new Set<string>()
    let version: string | undefined
    for await (const { metadata, items } of this.#client.pages(this.resource, this.#options, signal)) {
      version = metadata.resourceVersion
      for (const item of items) {
        const key = keyOf(item)
        listed.add(key)
        const other = this.#objects.get(key)?.version !== item.metadata.resourceVersion
        if (other && seen !== undefined && passed(seen, item)) this.#hooks.onMiss?.(key)
        this.#store(item)
      }
    }
    for (const key of this.#objects.keys()) if (!listed.has(key)) this.#remove(key)
    this.#version = version
    this.#synced()
  }

  async #watch(signal: AbortSignal, listAt: number): Promise<void> {
    const untilList = Math.max(1, Math.ceil((listAt - performance.now()) / 1000))
    const events = this.#client.watch(
      this.resource,
      {
        ...this.#options,
        resourceVersion: this.#version ?? '',
        timeoutSeconds: Math.min(untilList, Math.ceil(WATCH_SECONDS_MIN + Math.random() * WATCH_SECONDS_SPREAD)),
        silenceMs: this.#options.silenceMs ?? SILENCE_MS,
      },
      signal,
    )
    for await (const { type, object } of events) {
      if (type === 'ERROR')
        throw new KubeError(object.code ?? 0, object.reason ?? 'WatchError', object.message ?? 'the watch failed')
      this.#version = object.metadata.resourceVersion ?? this.#version
      this.#failures = 0
      if (type === 'DELETED') this.#remove(keyOf(object))
      else if (type !== 'BOOKMARK') this.#store(object)
    }
  }

  #store(object: KubeObject): void {
    const key = keyOf(object)
    const known = this.#objects.get(key)
    const { uid, resourceVersion: version } = object.metadata
    if (known?.version === version) return
    // Versions of one kind are ordered numbers (KEP-5504). A namesake with another uid is never older.
    if (known && known.uid === uid && BigInt(known.version ?? 0) > BigInt(version ?? 0)) return
    const kept = lean(object)
    const value = this.#options.indexBy?.(kept)
    this.#unindex(key, known)
    this.#objects.set(key, { uid, version, value, packed: this.#packer.pack(kept) })
    if (value !== undefined) {
      const keys = this.#index.get(value) ?? new Set()
      this.#index.set(value, keys.add(key))
    }
    this.#hooks.onChange?.(kept, false)
  }

  #remove(key: string): void {
    const known = this.#objects.get(key)
    if (!known) return
    this.#unindex(key, known)
    this.#objects.delete(key)
    this.#hooks.onChange?.(this.#packer.unpack(known.packed), true)
  }

  #unindex(key: string, known: Kept | undefined): void {
    if (known?.value === undefined) return
    const keys = this.#index.get(known.value)
    keys?.delete(key)
    if (keys?.size === 0) this.#index.delete(known.value)
  }
}

/** What no program here reads is half of an object's bytes. Of who wrote what, only who scaled it is asked for. */
function lean(object: KubeObject): KubeObject {
  const { managedFields = [], annotations, ...metadata } = object.metadata
  const { 'kubectl.kubernetes.io/last-applied-configuration': _, ...kept } = annotations ?? {}
  const scalers = managedFields.filter(({ subresource }) => subresource === 'scale')
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(annotations ? { annotations: kept } : {}),
      ...(scalers.length > 0 ? { managedFields: scalers } : {}),
    },
  }
}

function passed(version: string, object: KubeObject): boolean {
  return BigInt(object.metadata.resourceVersion ?? 0) <= BigInt(version)
}
