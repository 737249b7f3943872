/**
 * `npm run simulate -- --seeds 200000 --from 0 [--wide] [--edits] [--steps 150]`: exit 1 at the first seed that shows
 * something wrong, which is printed. `--wide` adds a training, a supervisor and an operator, `--edits` edits of payloads; the same
 * seed is another history then.
 */
import { parseArgs } from 'node:util'
import { firstViolation } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '0' },
    wide: { type: 'boolean', default: false },
    edits: { type: 'boolean', default: false },
    steps: { type: 'string', default: '60' },
  },
})
const from = Number(values.from)
const found = await firstViolation({
  from,
  to: from + Number(values.seeds),
  wide: values.wide,
  edits: values.edits,
  steps: Number(values.steps),
  say: (done) => console.log(`${done} seeds`),
})
console.log(found ? `seed ${found.seed}: ${found.what}` : `${values.seeds} seeds from ${from}: nothing wrong`)
process.exit(found ? 1 : 0)
