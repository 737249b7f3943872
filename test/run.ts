/** `npm test`: the tiers one after the other, each with a time budget, and one closing line over all. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Tier {
  project: string
  what: string
  budgetMinutes: number
}

const TIERS: Tier[] = [
  { project: 'static', what: 'types, lint, format, import table, generated files', budgetMinutes: 5 },
  { project: 'unit', what: 'pure code', budgetMinutes: 3 },
  { project: 'redis', what: 'the scripts on a real Redis', budgetMinutes: 5 },
  { project: 'local', what: 'real processes, crashes, pauses', budgetMinutes: 20 },
  { project: 'compat', what: 'clients of other projects', budgetMinutes: 10 },
]

interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  numFailedTestSuites: number
  testResults: { assertionResults: { status: string; fullName: string }[] }[]
}

const only = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'maksdb-test-'))
const sum = { passed: 0, failed: 0, skipped: 0 }
const skipped: string[] = []

for (const { project, what, budgetMinutes } of TIERS) {
  if (only.length > 0 && !only.includes(project)) continue
  const started = performance.now()
  console.log(`\n── ${project}: ${what} (budget ${budgetMinutes} min)`)
  const output = join(folder, `${project}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${output}`]
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', project, ...reporters],
    {
      stdio: 'inherit',
      timeout: budgetMinutes * 60_000,
    },
  )
  count(project, output, status)
  console.log(`── ${project}: ${((performance.now() - started) / 1000).toFixed(0)} s of ${budgetMinutes * 60} s`)
}

rmSync(folder, { recursive: true, force: true })
if (skipped.length > 0) console.log(`\nnot run on this machine:\n${skipped.map((name) => `  ${name}`).join('\n')}`)
console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
process.exit(sum.failed > 0 || sum.passed === 0 ? 1 : 0)

function count(project: string, output: string, status: number | null): void {
  let report: Report
  try {
    report = JSON.parse(readFileSync(output, 'utf8')) as Report
  } catch {
    console.log(`${project}: no report; the tier did not end within its budget or could not start`)
    sum.failed++
    return
  }
  sum.passed += report.numPassedTests
  sum.failed += report.numFailedTests
  sum.skipped += report.numPendingTests + report.numTodoTests
  // A file that fails to load, or an error outside any test, fails the run although no test did.
  if (status !== 0 && report.numFailedTests === 0) sum.failed++
  for (const { assertionResults } of report.testResults) {
    for (const { status: outcome, fullName } of assertionResults)
      if (outcome === 'skipped' || outcome === 'pending') skipped.push(`${project}: ${fullName}`)
  }
}
