/** What the words of a collection's texts are, for filters that the router looks at itself. */
import type { TextFields } from '../../core/filter/compile-filter.ts'
import { indexDefinition, pathText } from '../../core/filter/index-schema.ts'
import { INDEX_PREFIX, readSettings, type Settings } from '../../store/settings.ts'
import type { Collection } from '../cluster/collection.ts'

/** By the text indexes that the collection has now. Throws REDIS_UNAVAILABLE. */
export async function readTextFields({ link, scope }: Collection): Promise<TextFields> {
  return textFieldsOf(await link.use((redis) => readSettings(redis, scope)))
}

export function textFieldsOf(settings: Settings): TextFields {
  return new Map(
    [...settings].flatMap(([setting, text]) => {
      const field = setting.startsWith(INDEX_PREFIX)
        ? definitionOf(setting.slice(INDEX_PREFIX.length), text)
        : undefined
      return field?.schema.text ? [[pathText(field.path), field.schema.text]] : []
    }),
  )
}

/** Undefined for a schema of a version that knows other options: the pods leave such an index out, too. */
function definitionOf(name: string, text: string) {
  try {
    return indexDefinition(name, text)
  } catch {
    return undefined
  }
}
