/** How many entries of the log the replay reads at a time: about `READ_BYTES`, by what the entries of the last block took. */
const READ_BYTES = 8 * 1024 * 1024
const READ_ENTRIES_MAX = 1024
/** Before any entry has been seen: payloads may be of a mebibyte each. */
const FIRST_ENTRIES = 64
/** Of an entry beside its row, about. */
const ENTRY_BYTES = 256

export class ReadSize {
  readonly #most: number
  #entries: number

  /** @param dimension entries are expected to have no less than such a vector */
  constructor(dimension: number) {
    this.#most = fitting(4 * dimension + ENTRY_BYTES)
    this.#entries = Math.min(FIRST_ENTRIES, this.#most)
  }

  /** To be read next, at least one. */
  get entries(): number {
    return this.#entries
  }

  /**
   * Takes the size of what was read with `entries`: its number and the bytes of its rows. Returns whether the next block is to be
   * read while this one is applied: not where no more is to be expected, nor where this one alone takes more memory than a block
   * should.
   */
  note(count: number, rowBytes: number): boolean {
    if (count === 0) return false
    const full = count >= this.#entries
    const bytes = rowBytes + count * ENTRY_BYTES
    this.#entries = Math.min(this.#most, fitting(bytes / count))
    return full && bytes <= READ_BYTES
  }
}

/** Entries of this size that are read together. */
function fitting(bytes: number): number {
  return Math.max(1, Math.min(READ_ENTRIES_MAX, Math.floor(READ_BYTES / bytes)))
}
