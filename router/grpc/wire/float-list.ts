/** Floats of a message as they come: nearly always all at once, and then copied once. */
export class FloatList {
  #floats: Float32Array = new Float32Array(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  get floats(): Float32Array {
    return this.#floats.subarray(0, this.#length)
  }

  /** @param bytes of whole floats, little-endian, at any address */
  add(bytes: Uint8Array): void {
    const length = this.#length + bytes.length / 4
    if (length > this.#floats.length) {
      // Twice as many as there are, where they come one by one.
      const larger = new Float32Array(this.#length === 0 ? length : Math.max(length, 2 * this.#length))
      larger.set(this.floats)
      this.#floats = larger
    }
    new Uint8Array(this.#floats.buffer, 4 * this.#length, bytes.length).set(bytes)
    this.#length = length
  }
}
