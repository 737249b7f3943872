/**
 * Whose a volume is, and what is on it (rule S15): checked before a pod reads, writes or removes anything of it, so that a
 * volume that was kept from another VectorCluster, or of another shape, is left as it was.
 */
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { differences } from '../../core/data-identity.ts'
import { MaksError } from '../../core/errors.ts'
import {
  checkShape,
  DamagedSnapshot,
  listSnapshots,
  type OwnedShape,
  readManifest,
  snapshotPath,
} from '../index/snapshot-manifest.ts'

const FILE = 'identity.json'
/** Of the volume: which files there are, what they are called, and how their rows are encoded. */
const VOLUME_FORMAT = 2

const identitySchema = z.object({
  format: z.number(),
  owner: z.string(),
  uid: z.string(),
  vectors: z.strictObject({ '': z.object({ size: z.number(), metric: z.string() }) }),
})

/** @param shape of the cell, with its owner */
export async function checkVolume(dataDir: string, snapshotDir: string, shape: OwnedShape): Promise<void> {
  const { owner, vectors } = shape
  const known = await readIdentity(dataDir)
  if (known) {
    const wanted = { format: VOLUME_FORMAT, owner, vectors }
    const differing = differences(JSON.stringify(known), wanted)
    if (differing !== '')
      throw new MaksError(
        'DATA_OF_ANOTHER_SHAPE',
        `the volume ${dataDir} holds other data than ${owner} asks for: ${differing}; nothing was changed`,
      )
  }
  for (const position of await listSnapshots(snapshotDir)) {
    const path = snapshotPath(snapshotDir, position)
    const manifest = await readManifest(path).catch((error: unknown) => {
      // Loading sets it aside.
      if (error instanceof DamagedSnapshot) return undefined
      throw error
    })
    if (manifest) checkShape(manifest, shape, path)
  }
}

/** The uid is that of the VectorCluster which uses the volume now; a kept volume gets that of the next of its name. */
export async function claimVolume(dataDir: string, uid: string, shape: OwnedShape): Promise<void> {
  const { owner, vectors } = shape
  const text = JSON.stringify({ format: VOLUME_FORMAT, owner, uid, vectors })
  const path = join(dataDir, FILE)
  if (existsSync(path) && (await readFile(path, 'utf8')) === text) return
  await writeFile(`${path}.tmp`, text, { flush: true })
  await rename(`${path}.tmp`, path)
}

/** Undefined where there is none, or a damaged one: the snapshots say the same of themselves. */
async function readIdentity(dataDir: string): Promise<z.infer<typeof identitySchema> | undefined> {
  const text = await readFile(join(dataDir, FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return identitySchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
