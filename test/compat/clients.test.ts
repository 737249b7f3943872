/** The quick ones of the clients; `npm run compat` runs them all. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestCluster } from '../support/cluster.ts'
import { CLIENTS, recorded, runClient } from './clients.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
})
afterAll(() => cluster.close())

it.for(CLIENTS.filter(({ quick }) => quick))(
  '$name $version, $language: no check fails, and what passed when it was recorded passes',
  { timeout: 400_000 },
  async (client, context) => {
    const checks = await runClient(client, cluster.url)
    if ('missing' in checks) {
      context.skip(checks.missing)
      return
    }
    expect(checks.filter(({ failed }) => failed !== undefined)).toEqual([])
    const before = recorded()[client.id] ?? []
    expect(checks.map(({ what }) => what)).toEqual(before.map(({ what }) => what))
    const lost = checks.filter(({ notYet }, i) => notYet !== undefined && before[i]?.notYet === undefined)
    expect(lost, 'what passed when it was recorded').toEqual([])
    const gained = before.filter(({ notYet }, i) => notYet !== undefined && checks[i]?.notYet === undefined)
    if (gained.length > 0)
      console.warn(
        `${client.name} can do more than is recorded: npm run compat -- --record && npm run generate`,
        gained,
      )
  },
)

it('every client has a record, and no record has a failure', () => {
  const results = recorded()
  expect(Object.keys(results)).toEqual(CLIENTS.map(({ id }) => id))
  expect(Object.values(results).flatMap((checks) => checks.filter(({ failed }) => failed !== undefined))).toEqual([])
})
