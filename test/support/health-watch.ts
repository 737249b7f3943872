/**
 * Watches `/healthz` of processes from a thread of its own. Time that a process waited for a core, or that a server which
 * does nothing did not answer either, is the machine's and does not count.
 */
import { Worker } from 'node:worker_threads'
import type { ProcessStatus } from '../../cli/status.ts'

/** Longest silences since the last question, in ms, by name. */
export type Silences = Record<string, number>

const NOTHING = 'nothing'

/** In the thread: asks each again 20 ms after its answer, one question at a time each. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const { Agent, get } = require('node:http')
const agent = new Agent({ keepAlive: true })
const { readFileSync } = require('node:fs')
const last = {}, longest = {}, pids = {}
/** For how long the main thread of the process has waited for a core, in ms. */
function waited(name) {
  try { return Number(readFileSync('/proc/' + pids[name] + '/schedstat', 'utf8').split(' ')[1]) / 1e6 } catch { return 0 }
}
function ask(name, url) {
  get(url, { agent, timeout: 60000 }, (response) => {
    response.resume()
    response.on('end', () => {
      note(name)
      begin(name)
      setTimeout(ask, 20, name, url)
    })
  }).on('error', () => setTimeout(ask, 20, name, url))
}
function begin(name) {
  last[name] = { at: performance.now(), waited: waited(name) }
}
function note(name) {
  const silent = performance.now() - last[name].at - Math.max(0, waited(name) - last[name].waited)
  longest[name] = Math.max(longest[name] ?? 0, silent)
}
for (const [name, url, pid] of workerData) {
  pids[name] = pid
  begin(name)
  ask(name, url)
}
parentPort.on('message', () => {
  for (const name in last) note(name)
  parentPort.postMessage(longest)
  for (const name in last) { longest[name] = 0; begin(name) }
})
`
const IDLE = `require('node:http').createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1', function () {
  require('node:worker_threads').parentPort.postMessage(this.address().port)
})`

export class HealthWatch {
  readonly #idle: Worker
  readonly #thread: Worker

  private constructor(idle: Worker, thread: Worker) {
    this.#idle = idle
    this.#thread = thread
  }

  static async of(processes: readonly ProcessStatus[]): Promise<HealthWatch> {
    const idle = new Worker(IDLE, { eval: true })
    const port = await new Promise<number>((resolve) => idle.once('message', resolve))
    const watched = processes
      .filter(({ adminPort }) => adminPort !== null)
      .map(({ name, adminPort, pid }) => [name, `http://127.0.0.1:${adminPort}/healthz`, pid])
    const thread = new Worker(THREAD, {
      eval: true,
      workerData: [...watched, [NOTHING, `http://127.0.0.1:${port}`, process.pid]],
    })
    return new HealthWatch(idle, thread)
  }

  /** Since the last call, or the start. What the idle server did not answer either is taken off. */
  async silences(): Promise<Silences> {
    const longest = await new Promise<Silences>((resolve) => {
      this.#thread.once('message', resolve)
      this.#thread.postMessage('tell', [])
    })
    const machine = longest[NOTHING] ?? 0
    return Object.fromEntries(
      Object.entries(longest)
        .filter(([name]) => name !== NOTHING)
        .map(([name, ms]) => [name, Math.max(0, ms - machine)]),
    )
  }

  async close(): Promise<void> {
    await Promise.all([this.#idle.terminate(), this.#thread.terminate()])
  }
}
