/** Gathers single additions into requests: what is added while a request is on its way goes with the next. */
import type { Payload, PointId, PointInput } from './types.ts'

const BATCH_MAX = 256
const IN_FLIGHT_MAX = 4

interface Waiting {
  point: PointInput<Payload>
  resolve: (id: PointId) => void
  reject: (error: unknown) => void
}

export class Adder {
  readonly #write: (points: PointInput<Payload>[]) => Promise<unknown>
  #waiting: Waiting[] = []
  #inFlight = 0
  #scheduled = false

  constructor(write: (points: PointInput<Payload>[]) => Promise<unknown>) {
    this.#write = write
  }

  add(point: PointInput<Payload>): Promise<PointId> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ point, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= IN_FLIGHT_MAX || this.#waiting.length === 0) return
    this.#scheduled = true
    setTimeout(() => {
      this.#scheduled = false
      void this.#send()
    }, 0)
  }

  async #send(): Promise<void> {
    const batch = this.#waiting.splice(0, BATCH_MAX)
    this.#inFlight++
    this.#schedule()
    try {
      await this.#write(batch.map(({ point }) => point))
      for (const { point, resolve } of batch) resolve(point.id)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      this.#inFlight--
      this.#schedule()
    }
  }
}
