/** The error that the operating system has for a file, as a sentence. */
import { badRequest, type MaksError } from '../core/errors.ts'

const REASONS: Record<string, string> = {
  EACCES: 'you lack the rights; check its owner and mode',
  EBUSY: 'it is in use',
  EEXIST: 'another file or directory has that name',
  EFBIG: 'it would be larger than allowed',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links lead in a circle',
  EMFILE: 'too many files are open; raise "ulimit -n"',
  ENAMETOOLONG: 'its name is too long',
  ENOENT: 'there is no such file or directory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of its path is not a directory',
  EPERM: 'you lack the rights; check its owner and mode',
  EROFS: 'the file system is read-only',
}

/** The reason in words; undefined for what is no error of a file. */
export function fileReason(error: unknown): string | undefined {
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  return code === undefined ? undefined : REASONS[code]
}

/** @param doing what was tried: "read", "written", "made" */
export function fileProblem(path: string, doing: string, error: unknown): MaksError {
  const reason = fileReason(error) ?? (error instanceof Error ? error.message : String(error))
  return badRequest(`${path} cannot be ${doing}: ${reason}`)
}
