// Compiles faiss-node's addon, with our own rows and kernels (rows/) in the same binary, against the distribution's FAISS. That library is built for the oldest processors; the two
// files that hold the distance kernels are compiled again, from the same version's source, for AVX2 where this processor
// has it, and linked in front of the library's own. That is 4 to 5 times faster and takes seconds, not minutes.
// The result is cached outside the checkout by versions, instruction set and these sources.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PACKAGES = ['g++', 'libfaiss-dev', 'libopenblas-dev', 'dpkg-dev']
const KERNELS = ['distances', 'distances_simd']
const AVX2 = ['-mavx2', '-mfma', '-mf16c', '-mpopcnt']

/** The files that the addon is made from, beside faiss-node's: what changes one of them, changes the addon. */
export function addonSources(root) {
  const native = join(root, 'native')
  const rows = readdirSync(join(native, 'rows')).filter((name) => /\.(cc|h)$/.test(name) && !name.includes('test'))
  return [
    ...['build-addon.mjs', 'compat.h', 'tuning.cc'].map((name) => join(native, name)),
    ...rows.sort().map((name) => join(native, 'rows', name)),
  ]
}

function installedVersion(name) {
  const result = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Abbrev} ${source:Version}', name], {
    encoding: 'utf8',
  })
  return result.status === 0 && result.stdout.startsWith('ii') ? result.stdout.slice(3).trim() : undefined
}

function processorHasAvx2() {
  const flags = new Set((/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '').trim().split(/\s+/))
  return process.arch === 'x64' && ['avx2', 'fma', 'f16c', 'popcnt'].every((flag) => flags.has(flag))
}

/** The built addon's path and what it is; undefined where it cannot be compiled here. */
export function buildAddon({ root, cacheDir, have, aptInstall, say }) {
  const missing = () =>
    !have('g++') || installedVersion('libfaiss-dev') === undefined || installedVersion('libopenblas-dev') === undefined
  if (missing()) {
    say(`set-up: installing ${PACKAGES.join(', ')}`)
    aptInstall(PACKAGES)
  }
  if (missing()) return undefined
  const faiss = installedVersion('libfaiss-dev')
  const avx2 = processorHasAvx2()
  const sources = addonSources(root).map((path) => readFileSync(path))
  const digest = sources
    .reduce((hash, source) => hash.update(source), createHash('sha256'))
    .digest('hex')
    .slice(0, 12)
  const addonVersion = JSON.parse(readFileSync(join(root, 'node_modules/faiss-node/package.json'), 'utf8')).version
  const name = `faiss-node-${addonVersion}-faiss-${faiss.replace(/[^\w.+-]/g, '_')}-${avx2 ? 'avx2' : 'baseline'}-${process.arch}-${digest}`
  const path = join(cacheDir, 'addons', `${name}.node`)
  const described = (kernels) => `faiss-node ${addonVersion} on FAISS ${faiss}, ${kernels}`
  const label = avx2 ? 'kernels for AVX2' : 'kernels of the distribution'
  if (existsSync(path)) return { path, what: `${described(label)}, from the cache` }
  const work = mkdtempSync(join(tmpdir(), 'maksdb-addon-'))
  try {
    const kernels = avx2 ? compileKernels(work, faiss, say) : []
    linkAddon(root, work, kernels)
    mkdirSync(join(cacheDir, 'addons'), { recursive: true })
    // Without the kernels the addon is right but slow, and the next set-up tries again: it is not cached.
    if (avx2 && kernels.length === 0) {
      const plain = join(cacheDir, 'addons', `${name}-plain.node`)
      moveFile(join(work, 'addon.node'), plain)
      return {
        path: plain,
        what: described('kernels of the distribution: the sources of the faster ones could not be had'),
      }
    }
    moveFile(join(work, 'addon.node'), path)
    return { path, what: described(label) }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function moveFile(from, to) {
  writeFileSync(`${to}.tmp`, readFileSync(from))
  renameSync(`${to}.tmp`, to)
}

/** Object files of the kernels; none where the source of this version cannot be had or does not compile. */
function compileKernels(work, version, say) {
  try {
    const source = fetchSource(work, version)
    return KERNELS.map((kernel) => {
      const object = join(work, `${kernel}.o`)
      compile([
        '-O3',
        ...AVX2,
        '-DFINTEGER=int',
        `-I${source}`,
        '-c',
        join(source, 'faiss/utils', `${kernel}.cpp`),
        '-o',
        object,
      ])
      return object
    })
  } catch (error) {
    say(`set-up: ${String(error.message).split('\n')[0]}`)
    return []
  }
}

/** Debian's source package of the installed version, by apt with source lines made from the machine's own. */
function fetchSource(work, version) {
  const lists = join(work, 'lists')
  mkdirSync(join(lists, 'partial'), { recursive: true })
  const sourceList = join(work, 'sources.list')
  writeFileSync(sourceList, sourceLines().join('\n'))
  const options = [
    '-o',
    `Dir::Etc::sourcelist=${sourceList}`,
    '-o',
    'Dir::Etc::sourceparts=-',
    '-o',
    `Dir::State::Lists=${lists}`,
    '-o',
    'APT::Sandbox::User=root',
  ]
  const apt = (...args) =>
    execFileSync('apt-get', [...options, ...args], { cwd: work, stdio: ['ignore', 'ignore', 'ignore'] })
  apt('update')
  apt('--download-only', 'source', `faiss=${version}`)
  const archive = readdirSync(work).find((name) => name.includes('.orig.tar.'))
  if (!archive) throw new Error(`the source of FAISS ${version} is not to be had`)
  execFileSync('tar', ['xf', archive], { cwd: work })
  const folder = readdirSync(work).find((name) => name.startsWith('faiss-') && !name.includes('.tar.'))
  if (!folder) throw new Error('the source of FAISS has no folder of its name')
  return join(work, folder)
}

function sourceLines() {
  const uris = new Map()
  const files = ['/etc/apt/sources.list', ...listFolder('/etc/apt/sources.list.d')].filter(existsSync)
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    for (const line of text.split('\n')) {
      const match = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$/.exec(line.trim())
      if (match) uris.set(`${match[1]} ${match[2]}`, match[3])
    }
    for (const block of text.split(/\n\s*\n/)) {
      const field = (name) => new RegExp(`^${name}:\\s*(.+)$`, 'mi').exec(block)?.[1]?.trim()
      if (!/\bdeb\b/.test(field('Types') ?? '')) continue
      for (const uri of (field('URIs') ?? '').split(/\s+/))
        for (const suite of (field('Suites') ?? '').split(/\s+/))
          uris.set(`${uri} ${suite}`, field('Components') ?? 'main')
    }
  }
  return [...uris].map(([where, components]) => `deb-src ${where} ${components}`)
}

function listFolder(folder) {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
}

function compile(args) {
  const result = spawnSync('g++', ['-std=c++17', '-fPIC', '-fopenmp', ...args], { encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`g++ failed: ${(result.stderr ?? '').slice(-2000)}`)
}

/** faiss-node's own entry points, which ours calls: a binary has one of each. */
const RENAMED = [
  '-Dnapi_register_module_v1=maksdb_faiss_node_init',
  '-Dnode_api_module_get_api_version_v1=maksdb_faiss_node_api_version',
]

function linkAddon(root, work, kernels, output = 'addon.node') {
  const modules = join(root, 'node_modules')
  const flags = [
    '-O3',
    '-DNAPI_VERSION=8',
    '-DNAPI_CPP_EXCEPTIONS',
    '-include',
    join(root, 'native/compat.h'),
    `-I${join(modules, 'node-addon-api')}`,
    `-I${join(modules, 'node-api-headers/include')}`,
  ]
  const faissNode = join(work, 'faiss-node.o')
  compile([...flags, ...RENAMED, '-c', join(modules, 'faiss-node/src/faiss.cc'), '-o', faissNode])
  compile([
    ...flags,
    // Sums in double precision are JavaScript's to the bit: no products and sums in one rounding, unless a kernel asks for it.
    '-ffp-contract=off',
    '-Wall',
    '-Wno-unknown-pragmas',
    '-shared',
    ...addonSources(root).filter((path) => path.endsWith('.cc')),
    faissNode,
    ...kernels,
    '-lfaiss',
    '-lopenblas',
    '-lgomp',
    '-o',
    join(work, output),
  ])
}

/**
 * For an image, which is built on one machine and runs on others: the addon is a stub in front of a library that the
 * dynamic linker takes from `glibc-hwcaps/x86-64-v3` where the processor has AVX2, and else from beside the stub.
 */
export function buildPortableAddon({ root, say }) {
  const release = join(root, 'node_modules/faiss-node/build/Release')
  const fast = join(release, 'glibc-hwcaps/x86-64-v3')
  const library = 'libmaksdb-faiss.so'
  const work = mkdtempSync(join(tmpdir(), 'maksdb-addon-'))
  try {
    rmSync(release, { recursive: true, force: true })
    mkdirSync(fast, { recursive: true })
    linkAddon(root, work, [], library)
    moveFile(join(work, library), join(release, library))
    if (process.arch === 'x64') {
      const kernels = compileKernels(work, installedVersion('libfaiss-dev'), say)
      if (kernels.length === 0) throw new Error('the kernels for AVX2 could not be compiled')
      linkAddon(root, work, kernels, library)
      moveFile(join(work, library), join(fast, library))
    }
    const stub = join(work, 'stub.cc')
    writeFileSync(stub, '')
    const own = ['-Wl,--no-as-needed', `-L${release}`, '-lmaksdb-faiss', '-Wl,-rpath,$ORIGIN']
    compile(['-shared', stub, ...own, '-o', join(release, 'faiss-node.node')])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
