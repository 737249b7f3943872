/**
 * Paired assertions: a property is checked where a state is made and again, far from there, where the state is used. A state
 * that violates one is wrong, and to continue would spread it: the process ends, and its next start begins from what is durable.
 */
import { MaksError } from './errors.ts'

export class InvariantViolated extends MaksError {
  constructor(what: string) {
    super('INTERNAL', `invariant violated: ${what}`)
    this.name = 'InvariantViolated'
  }
}

/** @param what the property that should hold and the values that violate it; a function, so that it costs nothing if it holds */
export function assertInvariant(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new InvariantViolated(what())
}
