/**
 * Passing the gate: after every new incarnation of Redis a pod claims its replica state, again and again, until the log is
 * shown to hold it. If the log lost entries, the pod first reads those that continue its replica state; then one pod of all
 * repairs the log from the most complete replica states (rules L13 to L15, L21).
 */
import { randomBytes } from 'node:crypto'
import { otherOwner, otherShape } from '../../core/data-identity.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { LogTip } from '../../store/log-entry.ts'
import type { RedisLink } from '../../store/redis-link.ts'
import { parsePlan } from '../../store/repair-log.ts'
import type { Pod } from '../pod/pod.ts'
import { Repairer } from './log-repair.ts'

const RETRY_MS = 200
/** How long the gate waits for pods that do not answer, once the leader of every cell has. */
const CLAIM_WINDOW_MS = 1000

/** The replica state of the pod, as the gate uses it. */
export interface GatedReplica {
  readonly tip: LogTip
  readonly version: number
  /** What the previous process had applied beyond `tip`; undefined if this process has applied as much. */
  readonly previousRun: LogTip | undefined
  /** The last takeover in any cell that this pod has seen. */
  readonly takeover: number
  forgetPreviousRun(): Promise<void>
  /** Applies all entries that continue the replica state. */
  catchUp(): Promise<void>
  /** Keeps the replica state that the log does not have for an administrator, and goes back to an older snapshot. */
  rollBack(why: string): Promise<void>
}

export class Gate {
  readonly #pod: Pod
  readonly #link: RedisLink
  readonly #replica: GatedReplica
  readonly #repairer: Repairer
  #repairing: Promise<void> | undefined
  #closed = false
  /** Why the gate stays closed; '' if it is open or about to open. */
  regressed = ''

  constructor(pod: Pod, link: RedisLink, replica: GatedReplica) {
    this.#pod = pod
    this.#link = link
    this.#replica = replica
    this.#repairer = new Repairer(pod)
  }

  /** Returns the timeline of the log when the gate is open; 0 if this pod closes. */
  async pass(): Promise<number> {
    const { config, log, name, logger, startId } = this.#pod
    let settled = false
    let token = randomBytes(8).toString('hex')
    while (!this.#closed) {
      const { tip: point, previousRun, version } = this.#replica
      const reply = await this.#link.use((redis) =>
        log.claim(redis, {
          pod: name,
          held: point,
          known: previousRun ?? point,
          settled,
          version,
          knownPods: config.clusters * config.replicas,
          windowMs: CLAIM_WINDOW_MS,
          token,
          process: startId,
          seen: this.#replica.takeover,
        }),
      )
      const [code, why = ''] = reply
      if (code === 'OTHER_SHAPE') throw otherShape(why, log.scope.identity)
      if (code === 'OTHER_OWNER') throw otherOwner({ uid: why, owner: reply[2] ?? '' }, log.scope.identity)
      if (code === 'REGRESSED' && this.regressed === '') logger.error({ why }, 'the log is behind a shard: writes stop')
      this.regressed = code === 'REGRESSED' || code === 'REPAIR' ? why : ''
      if (code === 'OPEN') return Number(why)
      if (code === 'FORK' && previousRun) await this.#replica.forgetPreviousRun()
      else if (code === 'FORK') await this.#replica.rollBack('the log was repaired from a copy that does not have this')
      if (this.regressed !== '' && !settled) {
        await this.#replica.catchUp()
        settled = true
      }
      if (code === 'REPAIR' && !this.#repairing) {
        const mine = token
        this.#repairing = this.#repairer
          .run(mine, parsePlan(reply), { why, lost: reply[2] ?? '' })
          .catch((error: unknown) => {
            // Another attempt, by whichever pod claims first, after new claims.
            logger.warn({ error: String(error) }, 'the repair of the log did not come to its end')
            token = randomBytes(8).toString('hex')
          })
          .finally(() => {
            this.#repairing = undefined
          })
      }
      await sleep(RETRY_MS)
    }
    return 0
  }

  close(): void {
    this.#closed = true
    this.#repairer.close()
  }
}
