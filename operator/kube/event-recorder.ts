/** Events of events.k8s.io/v1: what `kubectl describe` shows. The same sentence about an object is sent again only after a while. */
import { randomBytes } from 'node:crypto'
import type { Logger } from '../../runtime/logger.ts'
import type { KubeClient } from './kube-client.ts'
import { asKubeError } from './kube-error.ts'
import { microTime } from './leader-election.ts'
import type { KubeObject, Resource } from './objects.ts'

export const EVENTS: Resource = { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events', namespaced: true }

const REPEAT_MS = 300_000
const REMEMBERED_MAX = 10_000
/** The API server's limit for a note. */
const NOTE_BYTES_MAX = 1000

export interface EventText {
  type: 'Normal' | 'Warning'
  /** One word, for machines. */
  reason: string
  /** What the operator did or tried: one word. */
  action: string
  note: string
}

export class EventRecorder {
  readonly #client: KubeClient
  readonly #controller: string
  readonly #instance: string
  readonly #logger: Logger
  readonly #sent = new Map<string, number>()

  constructor(client: KubeClient, controller: string, instance: string, logger: Logger) {
    this.#client = client
    this.#controller = controller
    this.#instance = instance
    this.#logger = logger
  }

  normal(about: KubeObject, reason: string, action: string, note: string, signal: AbortSignal): Promise<void> {
    return this.record(about, { type: 'Normal', reason, action, note }, signal)
  }

  warning(about: KubeObject, reason: string, action: string, note: string, signal: AbortSignal): Promise<void> {
    return this.record(about, { type: 'Warning', reason, action, note }, signal)
  }

  /** Never throws: an event that cannot be sent is a line in the log. */
  async record(about: KubeObject, { type, reason, action, note }: EventText, signal?: AbortSignal): Promise<void> {
    const { name, namespace = 'default', uid, resourceVersion } = about.metadata
    const key = `${uid}/${reason}/${note}`
    const last = this.#sent.get(key)
    if (last !== undefined && performance.now() - last < REPEAT_MS) return
    this.#remember(key)
    this.#logger.info({ namespace, name, reason, note }, 'event')
    const event = {
      apiVersion: EVENTS.apiVersion,
      kind: EVENTS.kind,
      metadata: { name: `${name}.${Date.now().toString(16)}${randomBytes(3).toString('hex')}`, namespace },
      eventTime: microTime(),
      reportingController: this.#controller,
      reportingInstance: this.#instance.slice(0, 128),
      type,
      reason,
      action,
      note: note.slice(0, NOTE_BYTES_MAX),
      regarding: { apiVersion: about.apiVersion, kind: about.kind, name, namespace, uid, resourceVersion },
    }
    await this.#client.create(EVENTS, event, signal).catch((thrown: unknown) => {
      this.#sent.delete(key)
      this.#logger.warn({ error: asKubeError(thrown).message, reason }, 'an event was not sent')
    })
  }

  #remember(key: string): void {
    this.#sent.delete(key)
    this.#sent.set(key, performance.now())
    const [oldest] = this.#sent.keys()
    if (this.#sent.size > REMEMBERED_MAX && oldest !== undefined) this.#sent.delete(oldest)
  }
}
