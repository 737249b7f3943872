/** Where built things are cached, outside the checkout. */
export const cacheDir: string
