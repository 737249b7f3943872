/** As `checks.py`, for clients in JavaScript. */

/** As the server refuses what it does not have; see `UNSUPPORTED` in core/errors.ts. */
const NOT_YET = /"?([^"\\:{}]{1,60})"? (?:is|are) not supported|there is no route ([A-Z]+ [^", ]*)/

/** Runs a check and prints a line of JSON: its name, and why it did not pass. */
export async function check(what: string, run: () => Promise<void>): Promise<void> {
  console.log(JSON.stringify({ what, ...(await outcome(run)) }))
}

async function outcome(run: () => Promise<void>): Promise<{ notYet?: string; failed?: string }> {
  try {
    await run()
    return {}
  } catch (error) {
    const data = (error as { data?: unknown }).data
    const text = `${String(error)} ${data === undefined ? '' : JSON.stringify(data)}`.replaceAll('\\"', '"')
    const refused = NOT_YET.exec(text)
    const what = refused?.[1] ?? refused?.[2]
    return what === undefined ? { failed: text.slice(0, 400) } : { notYet: what }
  }
}
