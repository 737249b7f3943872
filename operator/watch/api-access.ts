/** What every part of a pass uses of the API server: calls, the cached objects, and events. */
import type { EventRecorder } from '../kube/event-recorder.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import type { Caches } from './caches.ts'

export interface ApiAccess {
  client: KubeClient
  caches: Caches
  events: EventRecorder
}
