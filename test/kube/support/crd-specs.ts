/** Parts of specs that the tables of the CRD's test are made of. */
export const long = (length: number) => 'x'.repeat(length)
export const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, '1']))
export const external = { external: { urlSecretRef: { name: 'a', key: 'b' } } }
export const template = (part: object) => ({ podTemplate: part })
export const spread = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }
/** A pod template with `count` parts that differ in their names alone. */
export const parts = (list: 'containers' | 'initContainers' | 'volumes', count: number, name = 'part') =>
  template({
    spec: {
      [list]: Array.from({ length: count }, (_, i) => ({
        name: `${name}${i}`,
        ...(list === 'volumes' ? { emptyDir: {} } : { image: 'web' }),
      })),
    },
  })
export const secretRef = (name: string) => ({ secretRef: { name } })
export const ref = (name: string, key: string) => ({ name, key })
