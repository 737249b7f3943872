// The addon of the image: compiled once, for every processor of its architecture. See Dockerfile.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildPortableAddon } from './build-addon.mjs'

buildPortableAddon({ root: dirname(dirname(fileURLToPath(import.meta.url))), say: (line) => console.log(line) })
