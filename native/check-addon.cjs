// Does the addon of this checkout search? Ends with status 1 if it does not: set-up runs it after it has installed one.
const { IndexFlatL2, PanelRows } = require('faiss-node')

function check(found, what) {
  if (found === 1) return
  console.error(`${what} found row ${found} instead of row 1`)
  process.exit(1)
}

const index = new IndexFlatL2(2)
index.add([1, 0, 0, 1])
check(index.search([0, 1], 1).labels[0], 'the flat index of FAISS')
// The addon that faiss-node publishes has no rows of ours.
for (const kernel of PanelRows?.kernels ?? []) {
  const rows = new PanelRows(2, 'L2', kernel)
  rows.append(Float32Array.of(1, 0, 0, 1))
  const { rows: found } = rows.searchSync([Float32Array.of(0, 1)], Uint32Array.of(1), 1, [Uint32Array.of(3)], Uint32Array.of(0))
  check(found[0], `the kernel for ${kernel}`)
}
