/** Our version, and the version of Qdrant's API that we track: clients warn beyond one minor version from theirs. */
export const VERSION = '0.1.0'
export const QDRANT_VERSION = '1.19.0'
