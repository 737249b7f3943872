import { expect, it } from 'vitest'
import { assertInvariant, InvariantViolated } from './invariant.ts'

it('an invariant that holds does not make its message; one that does not holds the values in it', () => {
  assertInvariant(true, () => expect.unreachable())
  expect(() => assertInvariant(false, () => '3 rows, and 4 were announced')).toThrow(InvariantViolated)
  expect(() => assertInvariant(false, () => '3 rows, and 4 were announced')).toThrow(
    'invariant violated: 3 rows, and 4 were announced',
  )
  expect(new InvariantViolated('x').code).toBe('INTERNAL')
})
