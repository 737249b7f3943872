/** What zod found wrong, in one line. It imports no schema, so that a program that parses its environment loads no manifest. */
import type { z } from 'zod'

export function issuesText(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'value'}: ${issue.message}`).join('; ')
}
