/** What the words of a collection's texts are, for filters that the router looks at itself. */
import { type TextFields, textFieldsOf } from '../../core/filter/compile-filter.ts'
import { indexDefinitions } from '../../core/filter/index-schema.ts'
import { indexSchemasOf, readSettings } from '../../store/settings.ts'
import type { Collection } from '../cluster/collection.ts'

/** By the text indexes that the collection has now. Throws REDIS_UNAVAILABLE. */
export async function readTextFields({ link, scope }: Collection): Promise<TextFields> {
  const settings = await link.use((redis) => readSettings(redis, scope))
  return textFieldsOf(indexDefinitions(indexSchemasOf(settings)))
}
