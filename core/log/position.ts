/**
 * A place in a cell's log: `<epoch>-<seq>`, the id of a Redis stream entry. `seq` counts the entries of the cell from 1
 * and never restarts, so that a gap is a jump in `seq`; `epoch` is that of the primary which led the cell.
 */
export interface Position {
  readonly epoch: number
  readonly seq: number
}

export const ORIGIN: Position = { epoch: 0, seq: 0 }

export function parsePosition(text: string): Position {
  const match = /^(\d+)-(\d+)$/.exec(text)
  if (!match) throw new Error(`"${text}" is not a log position`)
  return { epoch: Number(match[1]), seq: Number(match[2]) }
}

export function formatPosition(position: Position): string {
  return `${position.epoch}-${position.seq}`
}

export function comparePositions(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.seq - b.seq
}
