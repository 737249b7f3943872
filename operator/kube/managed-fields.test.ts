import { describe, expect, it } from 'vitest'
import { updatesAsApplied } from './managed-fields.ts'

const entry = (manager: string, operation: string, fieldsV1: object, subresource?: string) => ({
  manager,
  operation,
  fieldsV1,
  ...(subresource === undefined ? {} : { subresource }),
})

describe('what a manager has updated', () => {
  it('becomes what it applied, together with what it had applied before', () => {
    const applied = entry('us', 'Apply', { 'f:spec': { 'f:a': {} } })
    const updated = entry('us', 'Update', { 'f:spec': { 'f:b': {} }, 'f:data': {} })
    const others = entry('them', 'Update', { 'f:spec': { 'f:c': {} } })
    expect(updatesAsApplied([applied, updated, others], 'us')).toEqual([
      others,
      entry('us', 'Apply', { 'f:spec': { 'f:a': {}, 'f:b': {} }, 'f:data': {} }),
    ])
  })

  it('is left alone where it is only its status, or nothing', () => {
    const status = entry('us', 'Update', { 'f:status': {} }, 'status')
    expect(updatesAsApplied([status, entry('us', 'Apply', {}), entry('them', 'Update', {})], 'us')).toBeUndefined()
  })
})
