/**
 * What malloc of glibc holds free goes back to the system. It keeps what lies between buffers that live, such as those of blocks of
 * the log, and the kernel counts that against a limit. Undefined where the addon is faiss-node's own.
 */
import faiss from 'faiss-node'

export const trimMemory = (faiss as { trimMemory?: () => void }).trimMemory
