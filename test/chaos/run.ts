/**
 * `npm run chaos -- --minutes 5 --seed 1 --clients 8`: real processes behind a network that fails, clients that write down
 * what was acknowledged, and faults drawn from a seed. Prints a report and keeps the history. Exit 1 where anything
 * acknowledged is missing, came back after its delete, shows twice, or was read too old.
 */
import { parseArgs } from 'node:util'
import { reportText, sound } from './report.ts'
import { chaos } from './scenario.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    clients: { type: 'string', default: '8' },
  },
})
const report = await chaos({
  minutes: Number(values.minutes),
  seed: Number(values.seed),
  clients: Number(values.clients),
  say: (line) => console.log(line),
})
console.log(`\n${reportText(report)}`)
process.exit(sound(report) ? 0 : 1)
