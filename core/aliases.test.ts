import { describe, expect, it } from 'vitest'
import { type AliasAction, type AliasTable, afterActions, aliasChanges, aliasesOf, changedTable } from './aliases.ts'

const table = (revision: number, names: Record<string, number>): AliasTable => ({
  revision,
  names: new Map(Object.entries(names)),
})
const isCollection = (name: string) => ['blue', 'green'].includes(name)
const after = (before: Record<string, string>, ...actions: AliasAction[]) =>
  Object.fromEntries(afterActions(new Map(Object.entries(before)), actions, isCollection))
const create = (alias: string, collection: string): AliasAction => ({ type: 'create', alias, collection })
const remove = (alias: string): AliasAction => ({ type: 'delete', alias })
const rename = (alias: string, to: string): AliasAction => ({ type: 'rename', alias, to })

it('of several records of one alias that of the highest revision counts', () => {
  const tables = new Map([
    ['blue', table(7, { live: 3, only: 7 })],
    ['green', table(5, { live: 5 })],
  ])
  expect([...aliasesOf(tables)]).toEqual([
    ['live', 'green'],
    ['only', 'blue'],
  ])
})

describe('actions are done one after the other', () => {
  it.each<[string, Record<string, string>, AliasAction[], Record<string, string>]>([
    ['create', {}, [create('live', 'blue')], { live: 'blue' }],
    ['create moves an alias that exists', { live: 'blue' }, [create('live', 'green')], { live: 'green' }],
    ['delete and create', { live: 'blue' }, [remove('live'), create('live', 'green')], { live: 'green' }],
    ['delete of none', { live: 'blue' }, [remove('absent')], { live: 'blue' }],
    ['rename', { live: 'blue' }, [rename('live', 'old'), create('live', 'green')], { old: 'blue', live: 'green' }],
    ['rename to one that exists', { a: 'blue', b: 'green' }, [rename('a', 'b')], { b: 'blue' }],
    ['rename of one that was just made', {}, [create('a', 'blue'), rename('a', 'b')], { b: 'blue' }],
  ])('%s', (_, before, actions, expected) => {
    expect(after(before, ...actions)).toEqual(expected)
  })

  it.each<[string, AliasAction[], string, string]>([
    ['a collection that is not there', [create('a', 'red')], 'NOT_FOUND', "Not found: Collection `red` doesn't exist!"],
    ['an alias of an alias', [create('a', 'live')], 'NOT_FOUND', "Not found: Collection `live` doesn't exist!"],
    [
      'the name of a collection',
      [create('blue', 'green')],
      'ALREADY_EXISTS',
      'Wrong input: Collection `blue` already exists!',
    ],
    ['a rename to it', [rename('live', 'green')], 'ALREADY_EXISTS', 'Wrong input: Collection `green` already exists!'],
    ['a rename of none', [rename('absent', 'b')], 'NOT_FOUND', 'Not found: Alias absent does not exists!'],
    [
      'a rename of one that was deleted',
      [remove('live'), rename('live', 'b')],
      'NOT_FOUND',
      'Not found: Alias live does not exists!',
    ],
  ])('%s is refused as Qdrant refuses it', (_, actions, code, message) => {
    expect(() => after({ live: 'blue' }, ...actions)).toThrow(expect.objectContaining({ code, message }))
  })
})

describe('what a change writes', () => {
  const tables = new Map([
    ['blue', table(3, { live: 3, stale: 1 })],
    ['green', table(2, { stale: 2 })],
  ])

  it('a move is one record more; the former one no longer counts and goes later', () => {
    expect(
      aliasChanges(
        tables,
        new Map([
          ['live', 'green'],
          ['stale', 'green'],
        ]),
      ),
    ).toEqual({
      before: [],
      visible: [{ collection: 'green', set: ['live'], remove: [] }],
      later: [{ collection: 'blue', set: [], remove: ['live', 'stale'] }],
    })
  })

  it('of an alias that ends the records that no longer count go first, or they would come back', () => {
    expect(aliasChanges(tables, new Map([['live', 'blue']]))).toEqual({
      before: [{ collection: 'blue', set: [], remove: ['stale'] }],
      visible: [{ collection: 'green', set: [], remove: ['stale'] }],
      later: [],
    })
  })

  it('and every step leaves tables that have the aliases of before or of after', () => {
    const wanted = new Map([['other', 'green']])
    const { before, visible, later } = aliasChanges(tables, wanted)
    let now = new Map(tables)
    const write = (changes: typeof visible, revision: number) => {
      now = new Map(now)
      for (const change of changes)
        now.set(change.collection, changedTable(now.get(change.collection) as AliasTable, change, revision))
      return aliasesOf(now)
    }
    expect(write(before, 10)).toEqual(aliasesOf(tables))
    expect(write(visible, 11)).toEqual(wanted)
    expect(write(later, 12)).toEqual(wanted)
    expect([...(now.get('blue') as AliasTable).names]).toEqual([])
  })
})
