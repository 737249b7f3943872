/** Names that requests are about to give: a collection and an alias that are made at the same time never get one name. */
import { MaksError } from '../../core/errors.ts'

export class NameClaims {
  readonly #claimed = new Set<string>()

  has(name: string): boolean {
    return this.#claimed.has(name)
  }

  /** Does the work while no other request can give these names. Throws NOT_READY, before the work, if one is about to. */
  async during<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    const taken = names.find((name) => this.#claimed.has(name))
    if (taken !== undefined)
      throw new MaksError('NOT_READY', `another request is about to give the name ${JSON.stringify(taken)}`)
    const own = new Set(names)
    for (const name of own) this.#claimed.add(name)
    try {
      return await work()
    } finally {
      for (const name of own) this.#claimed.delete(name)
    }
  }
}
