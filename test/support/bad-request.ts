/** Requests that must be refused: what is wrong, the request, its status, and what the error says. */
export type Case = [what: string, method: string, path: string, body: unknown, status: number, says: RegExp]
/** The limit of the cluster that these requests are sent to. */
export const BODY_BYTES_MAX = 200_000
export const POINTS = '/collections/things/points'
export const point = (extra: object) => ({ points: [{ id: 9, vector: [1, 2, 3], ...extra }] })
