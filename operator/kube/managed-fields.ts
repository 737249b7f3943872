/**
 * An object that was made by POST counts as updated by its maker, not as applied: a field that its next apply no longer
 * declares would stay. Here what a manager has updated becomes part of what it applied, as `kubectl` does it for its own.
 */
import type { JsonObject, ManagedFields } from './objects.ts'

/** The managed fields of the object afterwards; undefined where the manager has updated nothing. */
export function updatesAsApplied(fields: readonly ManagedFields[], manager: string): ManagedFields[] | undefined {
  const mine = fields.filter((entry) => entry.manager === manager && entry.subresource === undefined)
  const updates = mine.filter(({ operation }) => operation === 'Update')
  const [base] = updates
  if (!base) return undefined
  const union = mine.map(({ fieldsV1 }) => (fieldsV1 ?? {}) as JsonObject).reduce(merged, {})
  return [...fields.filter((entry) => !mine.includes(entry)), { ...base, operation: 'Apply', fieldsV1: union }]
}

function merged(a: JsonObject, b: JsonObject): JsonObject {
  const both = { ...a }
  for (const [name, value] of Object.entries(b)) both[name] = merged((a[name] ?? {}) as JsonObject, value as JsonObject)
  return both
}
