/** Who leads a cell, by the topology: the pod whose lease has not expired. */

interface CellLead {
  /** Pod that led last, '' if none ever did. */
  leader: string
  leased: boolean
}

/** Name of the pod that leads; undefined while no pod does. */
export function leaderName(cell: CellLead | undefined): string | undefined {
  return cell?.leased ? cell.leader : undefined
}

/** The member that leads a cell; undefined while no pod does, or if the pod is no member. */
export function leaderOf<Member extends { pod: string }>(
  topology: { cells: readonly CellLead[]; members: readonly Member[] } | undefined,
  cell: number,
): Member | undefined {
  const name = leaderName(topology?.cells[cell])
  return name === undefined ? undefined : topology?.members.find(({ pod }) => pod === name)
}
