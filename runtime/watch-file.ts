/** A file that another process replaces while this one runs. Asked for, not waited for: inotify does not see every volume. */
import { statSync } from 'node:fs'

interface FileChange {
  /** Called after each change, and at the first look. If it throws, it is called again at the next look. */
  onChange: () => void
  /** Called with what `onChange` or the file system threw, once for each different message in a row. */
  onError: (error: unknown) => void
}

/**
 * Looks at a file every so often, for as long as the process lives. Returns the function that looks at once.
 * @param everyMs time between two looks
 */
export function watchFile(path: string, everyMs: number, { onChange, onError }: FileChange): () => void {
  let seen = ''
  let reported = ''
  const look = () => {
    try {
      const { mtimeMs, size, ino } = statSync(path)
      const stamp = `${mtimeMs}/${size}/${ino}`
      if (stamp === seen) return
      onChange()
      seen = stamp
      reported = ''
    } catch (error) {
      if (String(error) === reported) return
      reported = String(error)
      onError(error)
    }
  }
  setInterval(look, everyMs).unref()
  return look
}
