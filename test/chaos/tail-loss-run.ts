/** `npm run tail-loss -- --trials 50 --level Journal`: prints what came of each trial; exit 1 where a loss was not told. */
import { parseArgs } from 'node:util'
import { DURABILITY_LEVELS } from '../../core/durability.ts'
import { type TailLoss, TailLossTrials } from './tail-loss.ts'

const { values } = parseArgs({
  options: { trials: { type: 'string', default: '5' }, level: { type: 'string', default: 'Journal' } },
})
const level = DURABILITY_LEVELS.find((one) => one === values.level)
if (!level) throw new Error(`--level must be one of ${DURABILITY_LEVELS.join(', ')}`)
const trials = await TailLossTrials.start(level)
const results: TailLoss[] = []
for (let trial = 1; trial <= Number(values.trials); trial++) {
  const result = await trials.trial()
  results.push(result)
  console.log(
    `${String(trial).padStart(3)}  ${result.inTail} acknowledged in the tail, ${result.lost} lost, told: ${result.told || 'nothing'}`,
  )
}
await trials.cluster.close()
const sum = (of: (result: TailLoss) => number) => results.reduce((total, result) => total + of(result), 0)
const untold = results.filter(({ lost, toldEntries }) => toldEntries < lost).length
console.log(
  `${level}: ${results.length} trials, ${sum((one) => one.inTail)} writes acknowledged in tails, ${sum((one) => one.lost)} lost in ${results.filter(({ lost }) => lost > 0).length} trials, trials with a loss that was not told: ${untold}`,
)
process.exit(untold > 0 || (level === 'Journal' && sum((one) => one.lost) > 0) ? 1 : 0)
