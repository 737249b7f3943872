/** Files of snapshots: written in blocks with their digest, and read back. */
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { asDamage, DamagedSnapshot, type SnapshotFile } from './snapshot-manifest.ts'

const WRITE_BYTES = 256 * 1024

/** Writes and syncs a file of a folder. Other work of the thread goes on between the blocks. */
export async function writeFile(dir: string, name: string, parts: Iterable<Uint8Array>): Promise<SnapshotFile> {
  const hash = createHash('sha256')
  const file = await open(join(dir, name), 'w')
  let bytes = 0
  try {
    let pending: Uint8Array[] = []
    let pendingBytes = 0
    const flush = async () => {
      const block = pending.length === 1 ? (pending[0] as Uint8Array) : Buffer.concat(pending)
      pending = []
      pendingBytes = 0
      hash.update(block)
      bytes += block.length
      await writeFully(file, block)
    }
    for (const part of parts) {
      pending.push(part)
      pendingBytes += part.byteLength
      if (pendingBytes >= WRITE_BYTES) await flush()
    }
    if (pendingBytes > 0) await flush()
    await file.sync()
  } finally {
    await file.close()
  }
  return { name, bytes, sha256: hash.digest('hex') }
}

async function writeFully(file: FileHandle, block: Uint8Array): Promise<void> {
  for (let at = 0; at < block.length; ) at += (await file.write(block, at)).bytesWritten
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** The whole of a file that the manifest names. Throws DamagedSnapshot if it is not what was written. */
export async function readVerified(dir: string, { name, bytes, sha256 }: SnapshotFile): Promise<Buffer<ArrayBuffer>> {
  const path = join(dir, name)
  const content = await contentOf(path, bytes).catch((error: unknown) => {
    throw asDamage(error, path)
  })
  if (content.length !== bytes || createHash('sha256').update(content).digest('hex') !== sha256)
    throw new DamagedSnapshot(`${path} is damaged`)
  return content
}

/** Read in one piece, where `readFile` makes many. A file of another length gives another number of bytes, not all of them. */
async function contentOf(path: string, bytes: number): Promise<Buffer<ArrayBuffer>> {
  const file = await open(path, 'r')
  try {
    const content = Buffer.from(new ArrayBuffer(bytes + 1))
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(content, length, content.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === content.length) return content.subarray(0, length)
    }
  } finally {
    await file.close()
  }
}
