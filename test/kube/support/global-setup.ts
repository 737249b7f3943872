/** Before the tests of the kube tier: the cluster of KUBECONFIG, or one that is made here; and the chart installed in it. */
import type { TestProject } from 'vitest/node'
import { VERSION } from '../../../protocol/version.ts'
import { ensureBinaries, kubeCache } from '../../go/programs.ts'
import { startCluster, stopCluster } from '../cluster/cluster.ts'
import { Kubernetes } from './kubernetes.ts'

const OPERATOR_NAMESPACE = 'maksdb-system'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string) => console.log(`kube: ${line}`)
  const given = process.env.KUBECONFIG
  if (given !== undefined) await ensureBinaries('cluster', say)
  const cluster =
    given === undefined
      ? { ...(await startCluster(say)), own: true }
      : {
          kubeconfig: given,
          image: process.env.MAKSDB_TEST_IMAGE ?? `maksdb:${VERSION}`,
          own: given.startsWith(kubeCache),
        }
  project.provide('cluster', cluster)
  const kubernetes = new Kubernetes(OPERATOR_NAMESPACE, cluster)
  await kubernetes.start()
  await kubernetes.helm(
    'upgrade',
    '--install',
    'maksdb',
    'helm/maksdb',
    ...kubernetes.imageValues,
    '--wait',
    '--timeout',
    '120s',
  )
  say('the chart is installed')
  return async () => {
    try {
      await kubernetes.namespacesGone()
    } finally {
      await kubernetes.client.connection.close()
      if (given === undefined) await stopCluster()
    }
  }
}
