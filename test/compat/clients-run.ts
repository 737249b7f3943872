/**
 * `npm run compat`: every client of `clients.ts` against a local cluster; `--record` writes what came of it, from which
 * `npm run generate` makes `docs/reference/clients.md`. `--only ID,ID` takes some. Exit 1 if a check fails.
 */
import { parseArgs } from 'node:util'
import { TestCluster } from '../support/cluster.ts'
import { CLIENTS, record, recorded, runClient } from './clients.ts'

const { values } = parseArgs({ options: { record: { type: 'boolean', default: false }, only: { type: 'string' } } })
const results = recorded()
let failures = 0
const cluster = await TestCluster.start({ spec: { dimension: 2 } })
try {
  for (const client of CLIENTS.filter(({ id }) => values.only === undefined || values.only.split(',').includes(id))) {
    const checks = await runClient(client, cluster.url)
    if ('missing' in checks) {
      console.log(`${client.name} ${client.version}: not run: ${checks.missing}`)
      continue
    }
    results[client.id] = checks
    const passed = checks.filter(({ notYet, failed, failsInMemory }) => !notYet && !failed && !failsInMemory)
    console.log(`${client.name} ${client.version}: ${passed.length} of ${checks.length} passed`)
    for (const { what, notYet, failed } of checks) {
      if (notYet !== undefined) console.log(`  ${what}: not yet: ${notYet}`)
      if (failed !== undefined) console.log(`  ${what}: FAILED: ${failed}`)
      failures += failed === undefined ? 0 : 1
    }
  }
  if (values.record) record(results)
} finally {
  await cluster.close()
}
process.exit(failures > 0 ? 1 : 0)
