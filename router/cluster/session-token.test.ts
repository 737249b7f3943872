import { describe, expect, it } from 'vitest'
import type { Cut } from '../../store/topology.ts'
import { checkSession, covers, laterToken, parseToken, type SessionToken, tokenText } from './session-token.ts'

const token = (generation: number, version: number): SessionToken => ({ generation, version })
const cut = (generation: number, version: number) => ({ generation, version }) as Cut

describe('a token', () => {
  it.each<[string, SessionToken]>([
    ['s1.0.0', token(0, 0)],
    ['s1.2.7', token(2, 7)],
    ['s1.999999999.999999999999999', token(999_999_999, 999_999_999_999_999)],
  ])('%s is read and written alike', (text, parsed) => {
    expect(parseToken(text)).toEqual(parsed)
    expect(tokenText(parsed)).toBe(text)
  })

  it.each([
    '',
    's1',
    's1.1',
    's1.1.',
    's1..1',
    's2.1.1',
    'S1.1.1',
    's1.-1.1',
    's1.1.1.1',
    's1.1.1 ',
    's1.1.1\n',
    's1.1e1.1',
    's1.1234567890.1',
    's1.1.1234567890123456',
  ])('is not %j', (text) => {
    expect(() => parseToken(text)).toThrowError(
      expect.objectContaining({ code: 'BAD_REQUEST', message: '"token" must be a token of an earlier answer' }),
    )
  })
})

describe('the later of two tokens', () => {
  it.each<[string, SessionToken, SessionToken]>([
    ['has the higher version', token(1, 5), token(1, 4)],
    ['has the higher generation, though its version is lower', token(2, 1), token(1, 9)],
    ['is either of two that are equal', token(1, 1), token(1, 1)],
  ])('%s', (_what, later, earlier) => {
    expect(laterToken(later, earlier)).toEqual(later)
    expect(laterToken(earlier, later)).toEqual(later)
  })
})

describe('a state', () => {
  it.each<[string, Cut, SessionToken | undefined, boolean]>([
    ['of its version holds all that a session has seen', cut(1, 5), token(1, 5), true],
    ['after its version does', cut(1, 6), token(1, 5), true],
    ['before its version does not', cut(1, 4), token(1, 5), false],
    ['of an older generation does not', cut(0, 9), token(1, 5), false],
    ['of a newer generation does not, since versions begin again', cut(2, 9), token(1, 5), false],
    ['holds all of a session that has seen nothing', cut(0, 0), undefined, true],
  ])('%s', (_what, state, seen, expected) => {
    expect(covers(state, seen)).toBe(expected)
    if (expected) expect(() => checkSession(state, seen)).not.toThrow()
    else
      expect(() => checkSession(state, seen)).toThrowError(
        expect.objectContaining({ code: 'SESSION_RESET', message: expect.stringMatching(/no longer holds all/) }),
      )
  })
})
