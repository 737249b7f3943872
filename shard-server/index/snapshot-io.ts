/** Files of snapshots: written in blocks with their digest, and read back. */
import { createHash, webcrypto } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { asDamage, DamagedSnapshot, type SnapshotFile } from './snapshot-manifest.ts'

const WRITE_BYTES = 256 * 1024
/** Files that are read ahead, and what they take together; one file may take more. */
const AHEAD_FILES = 8
const AHEAD_BYTES = 32 * 1024 * 1024
/** Files of chunks differ a little in their length. */
const ROOM = 1.0625

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

/**
 * The whole of a file that the manifest names, read and hashed by other threads. Throws DamagedSnapshot if it is not what was
 * written.
 * @param memory that it is read into: one byte more than the file has, or more
 */
export async function readVerified(
  dir: string,
  { name, bytes, sha256 }: SnapshotFile,
  memory = new ArrayBuffer(bytes + 1),
): Promise<Buffer<ArrayBuffer>> {
  const path = join(dir, name)
  const content = await contentOf(path, Buffer.from(memory, 0, bytes + 1)).catch((error: unknown) => {
    throw asDamage(error, path)
  })
  if (content.length !== bytes || (await digestOf(content)) !== sha256) throw new DamagedSnapshot(`${path} is damaged`)
  return content
}

async function digestOf(content: Buffer<ArrayBuffer>): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', content)).toString('hex')
}

/**
 * The files one after the other. Some are read ahead, so that a load needs neither wait for the disk nor hash alone. What is
 * yielded is valid until the next one is asked for: the memory is used again.
 */
export async function* contentsOf(dir: string, files: readonly SnapshotFile[]): AsyncGenerator<Buffer<ArrayBuffer>> {
  const memory = new ReadMemory()
  const reading: Promise<Buffer<ArrayBuffer>>[] = []
  let bytes = 0
  for (const [n, { bytes: own }] of files.entries()) {
    for (let next = files[n + reading.length]; next; next = files[n + reading.length]) {
      if (reading.length > 0 && (reading.length === AHEAD_FILES || bytes + next.bytes > AHEAD_BYTES)) break
      const one = readVerified(dir, next, memory.take(next.bytes + 1))
      // If one before it is damaged, nobody asks for this one.
      one.catch(() => undefined)
      reading.push(one)
      bytes += next.bytes
    }
    const content = await (reading.shift() as Promise<Buffer<ArrayBuffer>>)
    yield content
    memory.give(content.buffer)
    bytes -= own
    // A step of each file that is read ahead.
    await new Promise(setImmediate)
  }
}

/** Memory that files are read into. */
class ReadMemory {
  readonly #free: ArrayBuffer[] = []

  take(bytes: number): ArrayBuffer {
    const found = this.#free.findIndex(({ byteLength }) => byteLength >= bytes)
    if (found >= 0) return this.#free.splice(found, 1)[0] as ArrayBuffer
    // Of files that become longer none keeps the memory of a shorter one.
    this.#free.pop()
    return new ArrayBuffer(Math.ceil(ROOM * bytes))
  }

  give(memory: ArrayBuffer): void {
    this.#free.push(memory)
  }
}

/** Read in one piece, where `readFile` makes many. A file of another length gives another number of bytes, not all of them. */
async function contentOf(path: string, content: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>> {
  const file = await open(path, 'r')
  try {
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
