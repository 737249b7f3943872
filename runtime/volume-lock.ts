/**
 * One process at a time on a volume. The lock is a name of Linux' abstract sockets, which no other process in the network
 * namespace can have meanwhile and which goes with the process, however it ends.
 */
import { statSync } from 'node:fs'
import { createServer } from 'node:net'

/** Throws where another process has the folder. */
export function holdVolume(folder: string): Promise<void> {
  const { dev, ino } = statSync(folder)
  const server = createServer()
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new Error(`another process has the volume ${folder}`) : error)
    })
    server.listen(`\0maksdb-volume-${dev}-${ino}`, resolve)
  })
}
