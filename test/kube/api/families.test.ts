/** Services of both address families, on a real API server that has both. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { driftOf, stamped } from '../../../operator/act/drift.ts'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { BuildContext } from '../../../operator/manifests/context.ts'
import { services } from '../../../operator/manifests/network.ts'
import { API_VERSION, KIND, parseVectorCluster } from '../../../protocol/manifest/vector-cluster.ts'
import { ApiServer } from '../support/api-server.ts'
import { SERVICES } from '../support/resources.ts'

let server: ApiServer
let client: KubeClient

beforeAll(async () => {
  server = await ApiServer.start()
  client = server.client()
})
afterAll(async () => {
  await client.connection.close()
  await server.stop()
})

function contextOf(name: string, spec: object): BuildContext {
  const cluster = parseVectorCluster({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name },
    spec: { dimension: 2, ...spec },
  })
  return {
    cluster,
    uid: 'f0f0f0f0-0000-4000-8000-000000000000',
    since: 0,
    claimed: true,
    clusters: 1,
    image: 'maksdb',
    imagePullPolicy: 'IfNotPresent',
    restartedAt: '',
    apiKeyDigest: '',
    centroidsDigest: '',
    credentials: { known: [], shardsFollow: true },
  }
}

it.each([
  ['silent', {}, ['IPv4']],
  ['single', { service: { ipFamilyPolicy: 'SingleStack' } }, ['IPv4']],
  ['both', { service: { ipFamilyPolicy: 'PreferDualStack' } }, ['IPv4', 'IPv6']],
])(
  'Services of the VectorCluster "%s" have the families that it asks for, and are no drift',
  async (name, spec, families) => {
    for (const wanted of services(contextOf(name, spec)).map(stamped)) {
      await client.apply(SERVICES, wanted, 'test')
      const made = await client.get(SERVICES, { namespace: 'default', name: wanted.metadata.name })
      expect((made.spec as { ipFamilies: string[] }).ipFamilies).toEqual(families)
      expect(driftOf(wanted, made)).toBeUndefined()
    }
  },
)
