/** The events of a change of status: what an administrator who looks later would ask about. Pure. */
import type { Condition, VectorClusterStatus } from '../../protocol/manifest/vector-cluster-status.ts'
import type { EventText } from '../kube/event-recorder.ts'

/** Conditions of a new cluster that is still starting are no event. */
const STARTING = new Set([
  'LogUnreachable',
  'LogClosed',
  'NoPrimary',
  'PodsNotReady',
  'RouterNotReady',
  'NoReadyEndpoint',
  'PodsMissing',
  'RedisNotReady',
])

/** Recorded about each object when it is found, by an event of its own. */
const RECORDED_ALREADY = new Set(['NameTaken'])

/** States on the way to another, which are recorded only if they begin something. */
const PASSING = new Set(['Starting'])

/** Nothing is under way, and nothing is wrong. */
const AT_REST = new Set(['Settled', 'Paused'])

export function statusEventsOf(before: VectorClusterStatus, after: VectorClusterStatus): EventText[] {
  const was = (type: string) => before.conditions?.find((condition) => condition.type === type)
  const served = was('Ready')?.status === 'True'
  const events: EventText[] = []
  for (const condition of after.conditions ?? []) {
    const last = was(condition.type)
    if (RECORDED_ALREADY.has(condition.reason)) continue
    if (last?.status === condition.status && (last.reason === condition.reason || PASSING.has(condition.reason)))
      continue
    const text = eventOf(condition, last)
    if (text && (served || !STARTING.has(condition.reason))) events.push(text)
  }
  for (const shard of after.shards ?? []) {
    const last = before.shards?.find(({ cell }) => cell === shard.cell)
    if (shard.primary === '' || shard.primary === last?.primary) continue
    events.push({
      type: 'Normal',
      reason: 'PrimaryChanged',
      action: 'Elect',
      note: `shard ${shard.cell} is led by ${shard.primary}${last?.primary ? `, before by ${last.primary}` : ''} (epoch ${shard.epoch})`,
    })
  }
  return events
}

function eventOf(condition: Condition, last: Condition | undefined): EventText | undefined {
  const { type, status, reason, message } = condition
  const normal = (word: string): EventText => ({ type: 'Normal', reason: word, action: 'Observe', note: message })
  const warning = (word: string): EventText => ({ type: 'Warning', reason: word, action: 'Observe', note: message })
  switch (type) {
    case 'Ready':
      return status === 'True' ? normal('Ready') : warning(reason)
    case 'Progressing':
      if (status === 'False' && !AT_REST.has(reason)) return warning(reason)
      if (reason === 'Settled') return last === undefined ? undefined : normal(reason)
      return normal(reason)
    case 'Degraded':
      return status === 'True' ? warning(reason) : last?.status === 'True' ? normal('Recovered') : undefined
    case 'RedisDurable':
      if (status === 'True') return last?.status === 'False' ? normal('RedisDurable') : undefined
      return status === 'False' ? warning('RedisNotDurable') : undefined
    default:
      return undefined
  }
}
