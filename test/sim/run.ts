/** `npm run simulate -- --seeds 200000 --from 0`: exit 1 at the first seed that shows something wrong, which is printed. */
import { parseArgs } from 'node:util'
import { firstViolation } from './simulate.ts'

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '2000' }, from: { type: 'string', default: '0' } },
})
const from = Number(values.from)
const found = await firstViolation({
  from,
  to: from + Number(values.seeds),
  say: (done) => console.log(`${done} seeds`),
})
console.log(found ? `seed ${found.seed}: ${found.what}` : `${values.seeds} seeds from ${from}: nothing wrong`)
process.exit(found ? 1 : 0)
