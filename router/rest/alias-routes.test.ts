import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../core/limits.ts'
import { parseActions } from './alias-routes.ts'

const create = { create_alias: { collection_name: 'films', alias_name: 'live' } }
const remove = { delete_alias: { alias_name: 'live' } }
const rename = { rename_alias: { old_alias_name: 'live', new_alias_name: 'former' } }

describe('the actions of a change of aliases', () => {
  it('are read in their order; none, and null for those that an action is not, is nothing', () => {
    expect(parseActions({ actions: [create, { ...remove, create_alias: null }, rename] })).toEqual([
      { type: 'create', collection: 'films', alias: 'live' },
      { type: 'delete', alias: 'live' },
      { type: 'rename', alias: 'live', to: 'former' },
    ])
    expect([parseActions({ actions: [] }), parseActions({})]).toEqual([[], []])
  })

  it.each<[string, unknown, string, string]>([
    ['no body', undefined, 'BAD_REQUEST', 'the body must be a JSON object'],
    ['another field', { actions: [], more: 1 }, 'UNSUPPORTED', 'the body: "more" is not supported'],
    ['no list', { actions: create }, 'BAD_REQUEST', '"actions" must be a list'],
    [
      'an empty action',
      { actions: [create, {}] },
      'BAD_REQUEST',
      'actions[1] must have one of create_alias, delete_alias and rename_alias',
    ],
    [
      'two in one',
      { actions: [{ ...create, ...remove }] },
      'BAD_REQUEST',
      'actions[0] must have one of create_alias, delete_alias and rename_alias',
    ],
    ['another action', { actions: [{ swap_alias: {} }] }, 'UNSUPPORTED', 'actions[0]: "swap_alias" is not supported'],
    ['a missing name', { actions: [{ delete_alias: {} }] }, 'BAD_REQUEST', 'delete_alias: "alias_name" must be a text'],
    [
      'a field too many',
      { actions: [{ delete_alias: { alias_name: 'a', force: true } }] },
      'UNSUPPORTED',
      'delete_alias: "force" is not supported',
    ],
    [
      'a name that no path can have',
      { actions: [{ create_alias: { collection_name: 'films', alias_name: 'a/b' } }] },
      'BAD_REQUEST',
      'the name "a/b" is not valid for an alias: it must be 1 to 255 characters without < > : " / \\ | ? * and control characters',
    ],
    [
      'too many',
      { actions: Array.from({ length: LIMITS.ALIAS_ACTIONS_MAX.value + 1 }, () => remove) },
      'PAYLOAD_TOO_LARGE',
      `actions: ${LIMITS.ALIAS_ACTIONS_MAX.value + 1} is more than ${LIMITS.ALIAS_ACTIONS_MAX.value} (ALIAS_ACTIONS_MAX)`,
    ],
  ])('%s is refused by name', (_, body, code, message) => {
    expect(() => parseActions(body)).toThrow(expect.objectContaining({ code, message }))
  })
})
