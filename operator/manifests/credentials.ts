/**
 * The password of Redis and the token of our own calls may change at any time: somebody deletes `<vc>-internal`, or brings
 * it back from a backup. What was valid before stays valid until every pod has what is valid now. It is known by hashes
 * alone, which stand in the ConfigMap: Redis and our programs can check with them, and no client can log in with them.
 */
import { createHash } from 'node:crypto'
import type { KubeObject } from '../kube/objects.ts'
import { ANNOTATIONS, LABELS } from '../resources.ts'
import { digest } from './inputs.ts'
import { KEYS } from './names.ts'

/** Newest first. More changes than this while pods roll, and the oldest pods have to wait for their replacement. */
const REMEMBERED_MAX = 4

export interface CredentialHashes {
  /** Of the whole Secret, for the inputs of pods. */
  digest: string
  /** SHA-256, as Redis takes it for a password. */
  password: string
  token: string
}

export interface Credentials {
  known: CredentialHashes[]
  /** Every shard pod has those of now: routers, which speak to them, may follow. */
  shardsFollow: boolean
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Undefined where the Secret is not complete. */
function hashesOf({ data = {} }: KubeObject): CredentialHashes | undefined {
  const [password, token] = [KEYS.redisPassword, KEYS.internalToken].map((key) =>
    Buffer.from(data[key] ?? '', 'base64').toString(),
  )
  return password && token
    ? { digest: digest([password, token]), password: sha256(password), token: sha256(token) }
    : undefined
}

/** @param pods of the VectorCluster, those of routers too */
export function credentialsOf(
  secret: KubeObject | undefined,
  configMap: KubeObject | undefined,
  pods: readonly KubeObject[],
): Credentials {
  const before = remembered(configMap)
  const now = (secret && hashesOf(secret)) ?? before[0]
  if (!now) return { known: [], shardsFollow: true }
  const alive = pods.filter(({ status }) => status?.phase !== 'Failed' && status?.phase !== 'Succeeded')
  const has = (pod: KubeObject) => inputOf(pod) === digest(now.digest)
  const known = [now, ...before.filter((one) => one.digest !== now.digest)].slice(0, REMEMBERED_MAX)
  return {
    known: alive.every(has) ? [now] : known,
    shardsFollow: alive.filter(({ metadata }) => metadata.labels?.[LABELS.component] === 'shard').every(has),
  }
}

function remembered(configMap: KubeObject | undefined): CredentialHashes[] {
  const text = configMap?.data?.[KEYS.credentials]
  return text === undefined ? [] : (JSON.parse(text) as CredentialHashes[])
}

function inputOf({ metadata }: KubeObject): string | undefined {
  const text = metadata.annotations?.[ANNOTATIONS.inputs]
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, string>).credentials
}

/** The user of our programs, with each password that is valid; without any, no login. */
export function redisUser({ known }: Credentials): string {
  const passwords = known.map(({ password }) => `#${password}`)
  return passwords.length === 0
    ? 'user default off'
    : `user default on sanitize-payload ~* &* +@all ${passwords.join(' ')}`
}

export function digestForShards({ known }: Credentials): string {
  return known[0]?.digest ?? ''
}

/** Routers keep what they have until the shards know what is new. */
export function digestForRouters({ known, shardsFollow }: Credentials): string {
  return (shardsFollow ? known[0] : (known[1] ?? known[0]))?.digest ?? ''
}
