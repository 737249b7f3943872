/** What an acknowledged write has survived; each level promises what those before it do. */
export const DURABILITY_LEVELS = ['Memory', 'Fsync', 'Replicated', 'Journal'] as const
export type Durability = (typeof DURABILITY_LEVELS)[number]
