/**
 * Does a process that runs still answer? One that is stopped, or computes without end, neither works nor ends: it is killed,
 * and the plan starts it again. A process that is merely loaded answers within ANSWER_MS once in MISSES_MAX times, and one
 * that reads a long log or a large snapshot answers all the while, since its index thread does that work.
 */
import { connect } from 'node:net'
import { askHttp } from '../runtime/http-call.ts'
import { isAlive, sendSignal } from './os-process.ts'

const ASK_EVERY_MS = 2000
/** In the place of it, $MAKSDB_ANSWER_MS of the supervisor. */
export const ANSWER_MS = 10_000
/** Unanswered probes in a row after which the process is killed. */
export const MISSES_MAX = 5
/** A process listens within this time of its start. */
export const LISTENS_WITHIN_MS = 120_000

/** Where a process answers, however it is doing: an HTTP port, the port of a Redis, or none yet. */
export type Answering = { http: number } | { redis: number } | undefined

export class Liveness {
  readonly #record: { pid: number; startTicks: string }
  readonly #answerMs: number
  readonly #onHang: (why: string) => void
  /** Of this process' own clock: a supervisor that was stopped itself must not take that time for silence of others. */
  #listenedAt = performance.now()
  #askedAt = 0
  #asking = false
  #misses = 0

  /**
   * @param answerMs a probe that is answered later counts as unanswered
   * @param onHang called before the process is killed
   */
  constructor(record: { pid: number; startTicks: string }, answerMs: number, onHang: (why: string) => void) {
    this.#record = record
    this.#answerMs = answerMs
    this.#onHang = onHang
  }

  /**
   * Called often; asks as often as is due, and never waits.
   * @param answering called only when it is due
   */
  watch(answering: () => Answering): void {
    const now = performance.now()
    if (this.#asking || now - this.#askedAt < ASK_EVERY_MS) return
    const where = answering()
    if (where === undefined) {
      if (now - this.#listenedAt > LISTENS_WITHIN_MS) this.#end(`has not listened within ${LISTENS_WITHIN_MS / 1000} s`)
      return
    }
    this.#listenedAt = now
    this.#asking = true
    this.#askedAt = now
    const answer =
      'http' in where
        ? askHttp(`http://127.0.0.1:${where.http}/livez`, {}, this.#answerMs)
        : redisAnswers(where.redis, this.#answerMs)
    void answer.then((answered) => {
      this.#asking = false
      this.#misses = answered ? 0 : this.#misses + 1
      if (this.#misses >= MISSES_MAX)
        this.#end(`has not answered ${MISSES_MAX} probes of ${this.#answerMs / 1000} s each`)
    })
  }

  #end(why: string): void {
    if (!isAlive(this.#record)) return
    this.#onHang(why)
    sendSignal(this.#record.pid, 'SIGKILL')
  }
}

/** Any reply counts, an error too: a Redis that loads its file, or wants a password, lives. */
function redisAnswers(port: number, answerMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'))
    const done = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.setTimeout(answerMs, () => done(false))
    socket.on('data', () => done(true))
    socket.on('error', () => done(false))
    socket.on('close', () => done(false))
  })
}
