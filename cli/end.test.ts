import { InvalidArgumentError } from 'commander'
import { describe, expect, it } from 'vitest'
import { ERRORS, MaksError } from '../core/errors.ts'
import { hintOf, sentence } from './end.ts'

/** Words that mean nothing on the command line. */
const REST_WORDS = /\b(requests?|headers?|routes?|fields?|params|body|GET|POST|PUT)\b/

describe('an error on the command line', () => {
  it.each(Object.entries(ERRORS))('%s has a hint that fits it, or none', (code, { hint }) => {
    expect(hintOf(code, hint) ?? '').not.toMatch(REST_WORDS)
  })

  it('is one line without a stack, whatever was thrown', () => {
    const thrown: unknown[] = [
      new MaksError('BAD_REQUEST', 'a: b at line 1:\n\n  a: b: c\n     ^\n'),
      new InvalidArgumentError('error: no'),
      new TypeError('x is not a function'),
      Object.assign(new Error('EACCES: permission denied, open /x'), { code: 'EACCES', path: '/x' }),
      undefined,
      null,
      'text',
      { code: 'EIO' },
    ]
    for (const error of thrown) {
      const line = sentence(error, 'maksdb --help')
      expect(line).not.toMatch(/\n|\s{4}at /)
      expect(line.length).toBeGreaterThan(5)
    }
  })
})
