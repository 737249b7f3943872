/** Where built things are cached, outside the checkout. */
export const cacheDir: string
/** Installs packages of the distribution; false where that is not possible here. */
export function aptInstall(packages: readonly string[]): boolean
