/**
 * What stands beside a snapshot's files: whose and of what shape they are, their length and sha256, and its own sha256.
 * A reader distinguishes three cases: a snapshot that is right; one that is proven damaged; and one that is not for it,
 * because it has another format, shape or owner. Only the second is set aside, and none is ever removed for what it says.
 */
import { createHash } from 'node:crypto'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { differences, type RowShape } from '../../core/data-identity.ts'
import { MaksError } from '../../core/errors.ts'
import { comparePositions, formatPosition, type Position, parsePosition } from '../../core/log/position.ts'

export const SNAPSHOT_FORMAT = 8
const MANIFEST = 'manifest.json'
/** Of a file that is only verified: so much is read at a time, always into the same memory. */
const READ_BYTES = 256 * 1024
const NAME = /^snapshot-\d+-\d+$/
/** Names of files of a snapshot: none leads out of its folder. */
export const FILE_NAME = /^[a-z]+(-[0-9a-f]+)?\.[a-z]+$/

const manifestSchema = z.object({
  format: z.literal(SNAPSHOT_FORMAT),
  owner: z.string(),
  vectors: z.strictObject({ '': z.object({ size: z.number(), metric: z.enum(['L2', 'InnerProduct', 'Cosine']) }) }),
  position: z.string(),
  hash: z.string(),
  version: z.number(),
  holes: z.array(z.tuple([z.number(), z.number()])),
  centroidVersion: z.number(),
  rows: z.number(),
  /** Of the rows, as `RowStore.digest`: what is loaded is what was written, whatever the files hold. */
  digest: z.string(),
  /** Rows of a chunk, and the files that have them, in the order of the rows: a chunk may have several. */
  chunkRows: z.number(),
  chunks: z.array(z.object({ name: z.string(), rows: z.number() })),
  files: z.array(z.object({ name: z.string().regex(FILE_NAME), bytes: z.number(), sha256: z.string() })),
})
export type SnapshotManifest = z.infer<typeof manifestSchema>
export type SnapshotFile = SnapshotManifest['files'][number]

/** A file of a chunk. */
export interface ChunkFile extends SnapshotFile {
  rows: number
}

/** The files of a full chunk in the newest snapshot that has it. */
export interface ChunkFiles {
  folder: string
  files: readonly ChunkFile[]
}

/** The bytes on the disk are not those that were written. */
export class DamagedSnapshot extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DamagedSnapshot'
  }
}

/** What a program must be given to read the rows of a cell. */
export interface OwnedShape extends RowShape {
  /** Namespace, name and cell. */
  owner: string
}

/** The file of a manifest. Not one byte of it can be otherwise for the same manifest. */
export function sealed(manifest: SnapshotManifest): string {
  const sha256 = createHash('sha256').update(JSON.stringify(manifest)).digest('hex')
  return JSON.stringify({ ...manifest, sha256 }, null, 2)
}

/** A manifest that somebody else has read. */
export function parseManifest(value: unknown): SnapshotManifest {
  return manifestSchema.parse(value)
}

/**
 * Throws DamagedSnapshot where the manifest is not what was written, and DATA_OF_ANOTHER_SHAPE where another version of the
 * program wrote it: what this one cannot read may be perfectly right.
 */
export async function readManifest(path: string, name = basename(path)): Promise<SnapshotManifest> {
  const file = join(path, MANIFEST)
  const text = await contentOf(file)
  let value: unknown
  try {
    value = JSON.parse(text.toString())
  } catch {
    throw new DamagedSnapshot(`${file} is damaged`)
  }
  const format = (value as { format?: unknown } | null)?.format
  if (typeof format === 'number' && Number.isInteger(format) && format !== SNAPSHOT_FORMAT)
    throw new MaksError(
      'DATA_OF_ANOTHER_SHAPE',
      `${path} is of format ${format}, and this version reads format ${SNAPSHOT_FORMAT}; nothing was changed`,
    )
  const parsed = manifestSchema.safeParse(value)
  if (!parsed.success || !text.equals(Buffer.from(sealed(parsed.data)))) throw new DamagedSnapshot(`${file} is damaged`)
  if (name !== `snapshot-${parsed.data.position}`)
    throw new DamagedSnapshot(`${path} holds the snapshot of ${parsed.data.position}`)
  return parsed.data
}

/** Throws where a snapshot is not of this cell, or its rows cannot be read as this cell's. */
export function checkShape(manifest: SnapshotManifest, { owner, vectors }: OwnedShape, path: string) {
  if (manifest.owner !== owner)
    throw new MaksError(
      'DATA_OF_ANOTHER_SHAPE',
      `${path} belongs to ${manifest.owner}, not to ${owner}; nothing was changed`,
    )
  const differing = differences(JSON.stringify(manifest), { vectors })
  if (differing !== '')
    throw new MaksError(
      'DATA_OF_ANOTHER_SHAPE',
      `${path} holds ${manifest.vectors[''].metric} of dimension ${manifest.vectors[''].size}: ${differing}; nothing was changed`,
    )
}

/** Files that were read and found to be what a manifest has: snapshots that follow each other link the same ones. */
export class VerifiedFiles {
  readonly #ids = new Set<string>()

  async add(path: string, file: SnapshotFile): Promise<void> {
    this.#ids.add(await idOf(path, file))
  }

  /** All files of a snapshot that was loaded. */
  async addAll(path: string): Promise<void> {
    for (const file of (await readManifest(path)).files) await this.add(path, file)
  }

  /** Is it one of those, whatever the names? */
  async has(path: string, file: SnapshotFile): Promise<boolean> {
    return this.#ids.has(await idOf(path, file))
  }
}

async function idOf(path: string, { name, bytes, sha256 }: SnapshotFile): Promise<string> {
  const whole = join(path, name)
  const { dev, ino } = await stat(whole).catch((error: unknown) => {
    throw asDamage(error, whole)
  })
  return `${dev} ${ino} ${bytes} ${sha256}`
}

/**
 * Reads every file again and compares it with the manifest, and that with its digest.
 * @param known files that need not be read again; those that are read are added
 */
export async function verifySnapshot(path: string, known = new VerifiedFiles()): Promise<SnapshotManifest> {
  const manifest = await readManifest(path)
  const unknown: SnapshotFile[] = []
  for (const file of manifest.files) if (!(await known.has(path, file))) unknown.push(file)
  await verifyFiles(path, unknown)
  for (const file of unknown) await known.add(path, file)
  return manifest
}

/** Reads files again and compares them with what the manifest has. */
export async function verifyFiles(path: string, files: readonly SnapshotFile[]): Promise<void> {
  const memory = Buffer.allocUnsafeSlow(READ_BYTES)
  for (const file of files) {
    const whole = join(path, file.name)
    const { bytes, sha256 } = await digestOf(whole, memory)
    if (bytes !== file.bytes || sha256 !== file.sha256) throw new DamagedSnapshot(`${whole} is damaged`)
  }
}

/** What the disk refuses to give back, or does not have, is damaged; that this process may not read it proves nothing. */
export function asDamage(error: unknown, path: string): unknown {
  const { code = '' } = error as NodeJS.ErrnoException
  return ['ENOENT', 'EIO', 'ENOTDIR', 'EISDIR'].includes(code)
    ? new DamagedSnapshot(`${path} is damaged: ${code}`)
    : error
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw asDamage(error, path)
  }
}

async function digestOf(path: string, memory: Buffer): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    const file = await open(path, 'r')
    try {
      for (;;) {
        const { bytesRead } = await file.read(memory)
        if (bytesRead === 0) break
        hash.update(memory.subarray(0, bytesRead))
        bytes += bytesRead
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw asDamage(error, path)
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** Positions of the snapshots in a folder, newest first. */
export async function listSnapshots(dir: string): Promise<Position[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .filter((name) => NAME.test(name))
    .map((name) => parsePosition(name.slice('snapshot-'.length)))
    .sort((a, b) => comparePositions(b, a))
}

export function snapshotPath(dir: string, position: Position): string {
  return join(dir, `snapshot-${formatPosition(position)}`)
}
