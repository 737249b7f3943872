/** A sum over the last moments, in steps, so that it takes no more memory however much is added. */
const STEPS = 10

export class RecentBytes {
  readonly #stepMs: number
  readonly #now: () => number
  /** Of each step that is not over for long: its number and its sum. */
  #steps: { step: number; bytes: number }[] = []

  /** @param windowMs what was added before this time no longer counts; it counts for up to a tenth longer */
  constructor(windowMs: number, now: () => number) {
    this.#stepMs = windowMs / STEPS
    this.#now = now
  }

  add(bytes: number): void {
    const step = this.#step()
    const last = this.#steps.at(-1)
    if (last?.step === step) last.bytes += bytes
    else this.#steps = [...this.#recent(), { step, bytes }]
  }

  get sum(): number {
    return this.#recent().reduce((sum, { bytes }) => sum + bytes, 0)
  }

  #step(): number {
    return Math.floor(this.#now() / this.#stepMs)
  }

  #recent(): { step: number; bytes: number }[] {
    const from = this.#step() - STEPS
    return this.#steps.filter(({ step }) => step >= from)
  }
}
