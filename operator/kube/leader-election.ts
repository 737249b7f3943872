/**
 * At most one of several operators acts: a Lease that the leader renews. Whether another's lease has run out is judged by
 * our own monotonic clock since its record last changed, never by the times written in it (client-go's rule).
 */
import { sleep } from '../../runtime/lifecycle.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { KubeClient } from './kube-client.ts'
import { asKubeError, KubeError } from './kube-error.ts'
import { type KubeObject, pathOf, type Resource } from './objects.ts'

export const LEASES: Resource = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
}

export interface LeaderTimes {
  leaseMs: number
  /** The leader gives up when it could not renew for so long; shorter than the lease. */
  renewDeadlineMs: number
  retryMs: number
}

export const LEADER_TIMES: LeaderTimes = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 }

interface LeaseSpec {
  holderIdentity?: string
  leaseDurationSeconds?: number
  acquireTime?: string
  renewTime?: string
  leaseTransitions?: number
}

export class LeaderElection {
  readonly #client: KubeClient
  readonly #at: { namespace: string; name: string }
  readonly #identity: string
  readonly #times: LeaderTimes
  readonly #logger: Logger
  #seen = ''
  #seenAt = 0

  constructor(
    client: KubeClient,
    at: { namespace: string; name: string },
    identity: string,
    logger: Logger,
    times: LeaderTimes = LEADER_TIMES,
  ) {
    this.#client = client
    this.#at = at
    this.#identity = identity
    this.#logger = logger
    this.#times = times
  }

  /** Waits until this process leads. False where the signal came first. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      try {
        if (await this.#tryAcquire(signal)) {
          this.#logger.info({ identity: this.#identity }, 'leads')
          return true
        }
      } catch (thrown) {
        this.#logger.warn({ error: asKubeError(thrown).message }, 'the lease cannot be reached')
      }
      await sleep(this.#times.retryMs * (1 + Math.random() * 0.2), signal)
    }
    return false
  }

  /** Renews until the signal (then the lease is given back) or until it is lost; resolves true where it was lost. */
  async hold(signal: AbortSignal): Promise<boolean> {
    let renewedAt = performance.now()
    while (!signal.aborted) {
      await sleep(this.#times.retryMs, signal)
      if (signal.aborted) break
      try {
        const limit = AbortSignal.timeout(
          Math.max(1, Math.ceil(renewedAt + this.#times.renewDeadlineMs - performance.now())),
        )
        if (!(await this.#tryAcquire(AbortSignal.any([signal, limit])))) return true
        renewedAt = performance.now()
      } catch (thrown) {
        if (signal.aborted) break
        this.#logger.warn({ error: asKubeError(thrown).message }, 'the lease was not renewed')
      }
      if (performance.now() - renewedAt >= this.#times.renewDeadlineMs) return true
    }
    await this.#release()
    return false
  }

  async #tryAcquire(signal: AbortSignal): Promise<boolean> {
    const lease = await this.#client.get(LEASES, this.#at, signal).catch((error: unknown) => {
      if (error instanceof KubeError && error.status === 404) return undefined
      throw error
    })
    const spec = (lease?.spec ?? {}) as LeaseSpec
    const ours = spec.holderIdentity === this.#identity
    if (lease && !ours && spec.holderIdentity && !this.#hasRunOut(lease, spec)) return false
    const now = microTime()
    const next: LeaseSpec = {
      holderIdentity: this.#identity,
      leaseDurationSeconds: Math.max(1, Math.round(this.#times.leaseMs / 1000)),
      acquireTime: ours ? (spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (spec.leaseTransitions ?? 0) + (ours || !lease ? 0 : 1),
    }
    return this.#write(lease, next, signal)
  }

  #hasRunOut(lease: KubeObject, spec: LeaseSpec): boolean {
    const record = `${lease.metadata.uid}/${lease.metadata.resourceVersion}`
    if (record !== this.#seen) {
      this.#seen = record
      this.#seenAt = performance.now()
    }
    const leaseMs = Math.max(this.#times.leaseMs, (spec.leaseDurationSeconds ?? 0) * 1000)
    return performance.now() - this.#seenAt >= leaseMs
  }

  /** False where another was faster. */
  async #write(lease: KubeObject | undefined, spec: LeaseSpec, signal?: AbortSignal): Promise<boolean> {
    const { namespace, name } = this.#at
    const metadata = {
      name,
      namespace,
      ...(lease?.metadata.resourceVersion === undefined ? {} : { resourceVersion: lease.metadata.resourceVersion }),
    }
    const object = { apiVersion: LEASES.apiVersion, kind: LEASES.kind, metadata, spec: { ...spec } }
    try {
      if (lease) await this.#client.call('PUT', pathOf(LEASES, this.#at), { body: object, signal })
      else await this.#client.create(LEASES, object, signal)
      return true
    } catch (error) {
      if (error instanceof KubeError && error.status === 409) return false
      throw error
    }
  }

  /** So that the next one need not wait for the time. */
  async #release(): Promise<void> {
    try {
      const lease = await this.#client.get(LEASES, this.#at)
      const spec = lease.spec as LeaseSpec
      if (spec.holderIdentity === this.#identity)
        await this.#write(lease, { ...spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() })
    } catch (thrown) {
      this.#logger.warn({ error: asKubeError(thrown).message }, 'the lease was not given back')
    }
  }
}

/** Six digits of a second: what Lease and events.k8s.io ask for; `toISOString` alone is refused. */
export function microTime(date = new Date()): string {
  return date.toISOString().replace('Z', '000Z')
}
