/** The sample data: 10,000 handwritten digits of 28 x 28 grey values from 0 to 1, as the package `mnist` ships them. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export const DIGIT_SIDE = 28
export const DIGIT_DIMENSION = DIGIT_SIDE * DIGIT_SIDE

export interface Digit {
  id: number
  label: number
  pixels: Float32Array
}

/** Digits of all labels in turn, so that any prefix is a fair sample. */
export function loadDigits(): Digit[] {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits')
  const byLabel = Array.from({ length: 10 }, (_, label) => {
    const { data } = JSON.parse(readFileSync(join(folder, `${label}.json`), 'utf8')) as { data: number[] }
    return Float32Array.from(data)
  })
  const digits: Digit[] = []
  for (let i = 0; ; i++) {
    const row = byLabel.flatMap((data, label) => {
      const pixels = data.subarray(i * DIGIT_DIMENSION, (i + 1) * DIGIT_DIMENSION)
      return pixels.length === DIGIT_DIMENSION ? [{ label, pixels }] : []
    })
    if (row.length === 0) return digits
    for (const { label, pixels } of row) digits.push({ id: digits.length, label, pixels })
  }
}

const INK = [' ', '▄', '▀', '█']
const DARK = 0.35

/** A digit as 14 lines of 28 characters: each shows an upper and a lower pixel. */
export function drawDigit(pixels: ArrayLike<number>): string[] {
  return Array.from({ length: DIGIT_SIDE / 2 }, (_, line) => {
    let text = ''
    for (let x = 0; x < DIGIT_SIDE; x++) {
      const upper = (pixels[2 * line * DIGIT_SIDE + x] as number) > DARK
      const lower = (pixels[(2 * line + 1) * DIGIT_SIDE + x] as number) > DARK
      text += INK[(upper ? 2 : 0) + (lower ? 1 : 0)]
    }
    return text
  })
}
