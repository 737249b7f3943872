/** `npm test`: all tiers, each with a time budget, some side by side, and one closing line over all. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep } from '../runtime/lifecycle.ts'
import { aptInstall } from '../setup/steps.mjs'
import { whyNot } from './kube/cluster/cluster.ts'
import { missingPackages } from './packages.ts'

interface Tier {
  project: string
  what: string
  budgetMinutes: number
  /** Needs the programs of a Kubernetes cluster, which are built while other tiers run. */
  kubernetes?: true
}

/** A budget is two to three times what the tier takes on two idle cores, for machines that others use too; that of compat is what its first download takes. */
const TIERS: Tier[] = [
  { project: 'static', what: 'types, lint, format, import table, generated files', budgetMinutes: 5 },
  { project: 'unit', what: 'pure code', budgetMinutes: 8 },
  { project: 'redis', what: 'the scripts on a real Redis', budgetMinutes: 5 },
  { project: 'sim', what: 'simulated histories, and mutants of the protocol', budgetMinutes: 8 },
  { project: 'local', what: 'real processes, crashes, pauses', budgetMinutes: 35 },
  { project: 'kube', what: 'everything on a real Kubernetes cluster', budgetMinutes: 40, kubernetes: true },
  { project: 'api', what: 'operator and CRD on a real API server', budgetMinutes: 20, kubernetes: true },
  { project: 'compat', what: 'clients of other projects', budgetMinutes: 10 },
  { project: 'chaos', what: 'four minutes of faults, and the judges of what clients saw', budgetMinutes: 12 },
  { project: 'limits', what: 'the largest requests, and how long a process is silent then', budgetMinutes: 10 },
]
/**
 * The lanes run side by side, and the tiers of a lane one after the other. Processes on one machine and a Kubernetes cluster wait
 * for much of their time, and two lanes keep two cores busy; with a third one the clients of chaos got too little done to be
 * judged, and operators missed their time. The lanes are about as long as each other; where the programs of a cluster must be
 * built first, its lane waits for them. The limits measure how long a process is silent, without the time that it waited for a
 * core: beside eight other programs on two cores the longest silence was a third of what it may be.
 */
const LANES: readonly (readonly string[])[] = [
  ['static', 'unit', 'redis', 'sim', 'local', 'api', 'compat'],
  ['kube', 'chaos', 'limits'],
]
/** What an ended tier has printed arrives within this time. */
const LAST_WORDS_MS = 200
/** Of each failure this much stands in the closing list: often only the end of a long output is kept. */
const FAILURE_LINES = 12
/** The first time; afterwards everything comes from the cache. */
const BUILD_BUDGET_MINUTES = 45

interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  numFailedTestSuites: number
  testResults: {
    name: string
    message: string
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[]
  }[]
}

const began = performance.now()
const only = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'maksdb-test-'))
const sum = { passed: 0, failed: 0, skipped: 0 }
const skipped: string[] = []
const failures: string[] = []
const times: { project: string; seconds: number; budget: number }[] = []

const wanted = TIERS.filter(({ project }) => only.length === 0 || only.includes(project))
installPackages()
/** On a cluster that is given nothing has to be made, and the image is there already. */
const given = process.env.KUBECONFIG !== undefined
const kubernetes = wanted.some((tier) => tier.project === 'api' || (tier.kubernetes && !given))
  ? await prepareKubernetes()
  : undefined

const lanes = LANES.map((lane) =>
  lane.flatMap((project) => wanted.find((tier) => tier.project === project) ?? []),
).filter((lane) => lane.length > 0)
await Promise.all(lanes.map((lane) => runLane(lane, lanes.length > 1)))

rmSync(folder, { recursive: true, force: true })
if (skipped.length > 0) console.log(`\nnot run on this machine:\n${skipped.map((name) => `  ${name}`).join('\n')}`)
console.log(`\n${timeTable()}`)
if (failures.length > 0) console.log(`\nfailed:\n${failures.join('\n')}`)
console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
process.exit(sum.failed > 0 || sum.passed === 0 ? 1 : 0)

/** What cannot be installed is named by the tests that then cannot run. */
function installPackages(): void {
  const missing = [...new Set(wanted.flatMap(({ project }) => missingPackages(project)))]
  if (missing.length === 0) return
  console.log(`installing what the tests need: ${missing.join(', ')}`)
  if (!aptInstall(missing)) console.log('not all of them could be installed')
}

/** @param beside other tiers run at the same time: what each prints is shown when it has ended */
async function runLane(lane: readonly Tier[], beside: boolean): Promise<void> {
  for (const tier of lane) if (!tier.kubernetes || (await isPrepared(tier.project))) await runTier(tier, beside)
}

async function runTier({ project, what, budgetMinutes }: Tier, beside: boolean): Promise<void> {
  const started = performance.now()
  const title = `\n── ${project}: ${what} (budget ${budgetMinutes} min)`
  console.log(beside ? `${title}, beside others` : title)
  const output = join(folder, `${project}.json`)
  const child = spawn(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${output}`,
    ],
    {
      stdio: beside ? ['ignore', 'pipe', 'pipe'] : 'inherit',
      timeout: budgetMinutes * 60_000,
      // Tests start our programs some thousand times, in new data directories: compiled once, each start is half the work.
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
    },
  )
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
  const status = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null))
    // Not "close": a process that a test has left behind may hold the pipe.
    child.on('exit', resolve)
  })
  if (beside) await sleep(LAST_WORDS_MS)
  if (beside) console.log(`${title}\n${text}`)
  count(project, output, status)
  const [seconds, budget] = [Math.round((performance.now() - started) / 1000), budgetMinutes * 60]
  times.push({ project, seconds, budget })
  console.log(`── ${project}: ${seconds} s of ${budget} s`)
}

type Preparation = { missing: string } | { build: Promise<number | null>; log: () => string }

/** Begins to build what a cluster needs, at the lowest priority: the tests before it have their own limits. */
async function prepareKubernetes(): Promise<Preparation> {
  const missing = await whyNot()
  if (missing !== undefined) return { missing }
  console.log('building the programs of the test cluster in the background, where the cache has not got them')
  const child: ChildProcess = spawn('nice', ['-n', '19', process.execPath, 'test/kube/cluster/prepare.ts'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
  const build = new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null))
    child.on('exit', resolve)
    setTimeout(() => child.kill('SIGKILL'), BUILD_BUDGET_MINUTES * 60_000).unref()
  })
  process.on('exit', () => child.kill('SIGKILL'))
  return { build, log: () => text }
}

async function isPrepared(project: string): Promise<boolean> {
  if (given && project === 'kube') return true
  if (!kubernetes || 'missing' in kubernetes) {
    skipped.push(`${project}: all of it: ${kubernetes?.missing}`)
    sum.skipped++
    return false
  }
  const started = performance.now()
  const status = await kubernetes.build
  const waited = (performance.now() - started) / 1000
  if (waited > 1 || status !== 0) console.log(`\n── waited ${waited.toFixed(0)} s for the build:\n${kubernetes.log()}`)
  if (status === 0) return true
  failTier(project, 'the programs of the cluster could not be built')
  return false
}

function count(project: string, output: string, status: number | null): void {
  let report: Report
  try {
    report = JSON.parse(readFileSync(output, 'utf8')) as Report
  } catch {
    failTier(project, 'no report; the tier did not end within its budget or could not start')
    return
  }
  sum.passed += report.numPassedTests
  sum.failed += report.numFailedTests
  sum.skipped += report.numPendingTests + report.numTodoTests
  // A file that fails to load, or an error outside any test, fails the run although no test did.
  if (status !== 0 && report.numFailedTests === 0) failTier(project, 'a file or something outside all tests failed')
  for (const { name, message, assertionResults } of report.testResults) {
    if (message) failures.push(failure(`${project}: ${name}`, message))
    for (const { status: outcome, fullName, failureMessages } of assertionResults) {
      if (outcome === 'failed') failures.push(failure(`${project}: ${fullName}`, failureMessages.join('\n')))
      if (outcome === 'skipped' || outcome === 'pending') skipped.push(`${project}: ${fullName}`)
    }
  }
}

/** What fails without being a test counts as one, and has its line in the closing list. */
function failTier(project: string, why: string): void {
  console.log(`${project}: ${why}`)
  failures.push(`${project}: ${why}`)
  sum.failed++
}

/** What each tier has taken of its budget, and all of them together. */
function timeTable(): string {
  const row = (tier: string, seconds: string, budget: string) =>
    `${tier.padEnd(8)} | ${seconds.padStart(7)} | ${budget.padStart(6)}`
  const rows = times.map(({ project, seconds, budget }) => row(project, String(seconds), String(budget)))
  const all = row('together', ((performance.now() - began) / 1000).toFixed(0), '')
  return [row('tier', 'seconds', 'budget'), ...rows, all].join('\n')
}

function failure(title: string, message: string): string {
  return [title, ...message.split('\n').slice(0, FAILURE_LINES)].join('\n    ')
}
