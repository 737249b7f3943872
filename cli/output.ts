/** What the terminal shows of long work: progress with rate and time left, on one line of a terminal, in plain lines elsewhere. */
import { exactStringify } from '../core/json/exact-json.ts'

const BAR_WIDTH = 24
const TERMINAL_EVERY_MS = 100
const PLAIN_EVERY_MS = 2000

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function printJson(value: unknown): void {
  print(exactStringify(value))
}

export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

export class ProgressBar {
  readonly #what: string
  readonly #total: number | undefined
  readonly #quiet: boolean
  readonly #started = performance.now()
  #shown = 0

  /** @param total undefined where it is not known */
  constructor(what: string, total: number | undefined, quiet: boolean) {
    this.#what = what
    this.#total = total
    this.#quiet = quiet
  }

  update(done: number): void {
    const every = process.stderr.isTTY ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS
    if (this.#quiet || performance.now() - this.#shown < every) return
    this.#shown = performance.now()
    this.#show(done)
  }

  end(done: number): void {
    if (this.#quiet) return
    this.#show(done)
    if (process.stderr.isTTY) process.stderr.write('\n')
  }

  #show(done: number): void {
    const seconds = (performance.now() - this.#started) / 1000
    const rate = seconds > 0 ? done / seconds : 0
    const total = this.#total
    const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total)
    const bar = share === undefined ? '' : `${'█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '░')} `
    const left =
      total === undefined || rate === 0
        ? ''
        : done < total
          ? `, ${((total - done) / rate).toFixed(1)} s left`
          : `, ${seconds.toFixed(1)} s`
    const line = `${this.#what}  ${bar}${done.toLocaleString('en')}${total === undefined ? '' : ` of ${total.toLocaleString('en')}`}  ${Math.round(rate).toLocaleString('en')}/s${left}`
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
  }
}

/** What is waited for, and for how long already. */
export class WaitLine {
  readonly #started = performance.now()
  #shownAt = 0

  show(what: string): void {
    const every = process.stderr.isTTY ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS
    if (performance.now() - this.#shownAt < every) return
    this.#shownAt = performance.now()
    const line = `waiting for ${what} ... ${((performance.now() - this.#started) / 1000).toFixed(0)} s`
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`)
  }

  end(): void {
    if (process.stderr.isTTY && this.#shownAt > 0) process.stderr.write('\r\x1b[K')
  }
}
