/** How much of the dead rows cleaning should drop: by their number, and by the bytes of their payloads. */

/**
 * Cleaning is due when so many rows are dead beyond the youngest, and so great a share of the live ones. A cycle moves
 * all live rows at most and drops an eighth of them at least: eight moves for one that dies at worst, and under four if rows die
 * in any order; and rows take an eighth more memory than live ones do.
 */
const DEAD_ROWS_MIN = 2048
const DEAD_SHARE = 1 / 8
/** Or so many bytes of payloads are dead beyond those of the youngest rows, and the same share of the live rows' bytes. */
const DEAD_PAYLOAD_BYTES_MIN = 64 * 1024 * 1024

export class CleaningNeed {
  #rowsMin = DEAD_ROWS_MIN
  /** Of the payloads of rows that are dead, and not cleaned. */
  #payloadBytes = 0

  /** A row died with a payload of so many bytes. */
  died(payloadBytes: number): void {
    this.#payloadBytes += payloadBytes
  }

  /** A dead row with such a payload was dropped. */
  dropped(payloadBytes: number): void {
    this.#payloadBytes -= payloadBytes
  }

  /** From now on few dead rows are not too few. */
  beThorough(): void {
    this.#rowsMin = 1
  }

  /**
   * What cleaning can drop as a multiple of what it leaves: the greater one of rows and payloads.
   * @param young the rows that are dead and not to be dropped, and the bytes of their payloads
   * @param bytes of the vectors of live rows, and of the payloads of all
   */
  of(dead: number, live: number, young: { rows: number; payloadBytes: number }, bytes: number): number {
    const rows = (dead - young.rows) / Math.max(this.#rowsMin, DEAD_SHARE * live)
    const payloadBytesMin = Math.max(DEAD_PAYLOAD_BYTES_MIN, DEAD_SHARE * (bytes - this.#payloadBytes))
    return Math.max(rows, (this.#payloadBytes - young.payloadBytes) / payloadBytesMin)
  }
}
