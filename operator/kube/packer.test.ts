import { describe, expect, it } from 'vitest'
import type { KubeObject } from './objects.ts'
import { Packer } from './packer.ts'

function configMap(name: string, text: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, uid: `uid-of-${name}` }, data: { text } }
}

describe('packed objects', () => {
  it('come back as they were, whatever the first one looked like', () => {
    const packer = new Packer()
    const objects = [
      configMap('first', 'x'),
      configMap('second', 'Grüße, 日本語 and a lone \\ud800'),
      { ...configMap('third', ''), spec: { numbers: [1, 2.5, -0.1], nested: { of: [null, true] } } },
    ]
    const packed = objects.map((object) => packer.pack(object))
    expect(packed.map((text) => packer.unpack(text))).toEqual(objects)
  })

  it('take little where they are alike', () => {
    const packer = new Packer()
    const text = Array.from({ length: 200 }, (_, i) => `line ${i * 7919}`).join('\n')
    packer.pack(configMap('first', text))
    expect(packer.pack(configMap('second', text)).length).toBeLessThan(text.length / 10)
  })
})
