/** Runs simulated histories one after the other. */
import { type Mutation, World } from './world.ts'

/** Steps that are drawn before everything heals, where not said otherwise. */
const STEPS = 60

export interface Found {
  seed: number
  what: string
}

/** The first seed in [from, to) that shows something wrong. `say` is told of every thousand. */
export async function firstViolation(run: {
  from: number
  to: number
  mutation?: Mutation
  /** With a supervisor and a training. */
  wide?: boolean
  /** With edits of payloads. */
  edits?: boolean
  steps?: number
  say?: (done: number) => void
}): Promise<Found | undefined> {
  for (let seed = run.from; seed < run.to; seed++) {
    try {
      await new World(seed, run.mutation, { wide: run.wide, edits: run.edits }).run(run.steps ?? STEPS)
    } catch (error) {
      return { seed, what: (error as Error).message }
    }
    if ((seed - run.from + 1) % 1000 === 0) run.say?.(seed - run.from + 1)
  }
  return undefined
}
