/** What the memory of a shard pod consists of, and the log of its shard in Redis. */
import type { Section } from './panels.ts'
import { max, OF_POD, OF_SHARD, of, ofProcess, POD, SHARD } from './queries.ts'

export const MEMORY: Section = {
  row: 'Memory by part',
  panels: [
    {
      kind: 'timeseries',
      title: 'Memory',
      description: 'Resident memory of the pod: its rows, its heaps, and the programs themselves.',
      unit: 'bytes',
      width: 12,
      queries: [[max(POD, ofProcess('process_resident_memory_bytes', 'shard')), OF_POD]],
      alerts: ['MaksDBMemoryHigh'],
    },
    {
      kind: 'timeseries',
      title: 'Memory left for writes',
      description:
        'Memory that writes may still take below the limit of the pod and its reserve. At 0 the shard refuses upserts, edits of payloads and updates of vectors with 507; deletes and reads continue.',
      unit: 'bytes',
      width: 12,
      queries: [[`min by (${POD}) (${of('maksdb_memory_room_bytes')})`, OF_POD]],
      alerts: ['MaksDBMemoryFull'],
    },
    {
      kind: 'timeseries',
      title: 'Memory against the limit',
      description:
        'Memory that counts against the limit that leaves the pod the least room; the cache of files is left out.',
      unit: 'bytes',
      width: 12,
      queries: [[max(POD, of('maksdb_memory_used_bytes')), OF_POD]],
    },
    {
      kind: 'timeseries',
      title: 'Memory of rows',
      description: 'Memory of the rows by part. It grows with the points; dead rows count until they are cleaned.',
      unit: 'bytes',
      width: 12,
      queries: [[max(`${POD}, part`, of('maksdb_row_bytes')), `${OF_POD} {{part}}`]],
    },
    {
      kind: 'timeseries',
      title: 'V8 heaps',
      description:
        'Heaps of the main thread and of the index thread: what objects and garbage take, and what the heap has from the system.',
      unit: 'bytes',
      width: 12,
      queries: [[max(`${POD}, thread, state`, of('maksdb_heap_bytes')), `${OF_POD} {{thread}} {{state}}`]],
    },
    {
      kind: 'timeseries',
      title: 'Log in Redis',
      description: 'Size of the log of each shard in Redis. It falls when a snapshot lets the log be trimmed.',
      unit: 'bytes',
      width: 12,
      queries: [[max(SHARD, of('maksdb_wal_bytes')), OF_SHARD]],
      alerts: ['MaksDBWalBudget'],
    },
  ],
}
