/** Aliases of collections, as in Qdrant: several actions of one request are done at once, or none of them. */
import type { Request, Router } from 'express'
import type { AliasAction } from '../../core/aliases.ts'
import { badRequest } from '../../core/errors.ts'
import { checkLimit } from '../../core/limits.ts'
import { collectionNameFault } from '../../protocol/manifest/vector-cluster.ts'
import type { AliasChanges } from '../cluster/alias-changes.ts'
import type { Collections } from '../cluster/collections.ts'
import { Fields, type JsonObject } from '../requests/json-fields.ts'
import type { Send } from './reply.ts'

export interface AliasParts {
  collections: Collections
  aliasChanges: AliasChanges
}

export function aliasRoutes(router: Router, { collections, aliasChanges }: AliasParts, send: Send): void {
  router.get(
    '/aliases',
    send(async () => ({ result: shown(collections.aliases) })),
  )
  router.get(
    '/collections/:c/aliases',
    send(async (request) => {
      const { collection } = collections.get(nameOf(request)).config
      return { result: shown([...collections.aliases].filter(([, of]) => of === collection)) }
    }),
  )
  router.post(
    '/collections/aliases',
    send(async (request) => {
      const actions = parseActions(request.body)
      if (actions.length > 0) await aliasChanges.change(actions)
      return { result: true }
    }),
  )
}

function nameOf(request: Request): string {
  return String(request.params.c)
}

function shown(aliases: Iterable<[string, string]>): JsonObject {
  return { aliases: [...aliases].map(([alias, collection]) => ({ alias_name: alias, collection_name: collection })) }
}

/** The body of POST /collections/aliases. Throws BAD_REQUEST or UNSUPPORTED. */
export function parseActions(body: unknown): AliasAction[] {
  const fields = new Fields(body, 'the body')
  const actions = fields.take('actions') ?? []
  fields.end()
  if (!Array.isArray(actions)) throw badRequest('"actions" must be a list')
  checkLimit('ALIAS_ACTIONS_MAX', 'actions', actions.length)
  return actions.map((action, i) => parseAction(action, `actions[${i}]`))
}

function parseAction(given: unknown, what: string): AliasAction {
  const fields = new Fields(given, what)
  const found = [
    ...one(
      fields,
      'create_alias',
      (of): AliasAction => ({ type: 'create', collection: text(of, 'collection_name'), alias: name(of, 'alias_name') }),
    ),
    ...one(fields, 'delete_alias', (of): AliasAction => ({ type: 'delete', alias: text(of, 'alias_name') })),
    ...one(
      fields,
      'rename_alias',
      (of): AliasAction => ({ type: 'rename', alias: text(of, 'old_alias_name'), to: name(of, 'new_alias_name') }),
    ),
  ]
  fields.end()
  const [action, another] = found
  if (action === undefined || another !== undefined)
    throw badRequest(`${what} must have one of create_alias, delete_alias and rename_alias`)
  return action
}

/** A field of an action, read as a whole; none if it is absent. */
function one(action: Fields, field: string, read: (of: [Fields, string]) => AliasAction): AliasAction[] {
  const given = action.take(field)
  if (given === undefined) return []
  const fields = new Fields(given, field)
  const found = read([fields, field])
  fields.end()
  return [found]
}

function text([fields, what]: [Fields, string], field: string): string {
  const value = fields.take(field)
  if (typeof value !== 'string') throw badRequest(`${what}: "${field}" must be a text`)
  return value
}

/** Of a new alias: it stands in paths as the name of a collection does. */
function name(of: [Fields, string], field: string): string {
  const value = text(of, field)
  const fault = collectionNameFault(value)
  if (fault !== undefined)
    throw badRequest(`the name ${JSON.stringify(value.slice(0, 300))} is not valid for an alias: it ${fault}`)
  return value
}
