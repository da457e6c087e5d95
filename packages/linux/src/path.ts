/**
 * A path or name as the system takes it: bytes, or a string meant as UTF-8 as in node:fs. Names that come from tar or a
 * file tree are latin1 strings there: turn those into bytes first (`Buffer.from(name, 'latin1')`).
 */
export type PathLike = string | Uint8Array;

/** The bytes of a path. */
export function pathBytes(path: PathLike): Buffer {
  return typeof path === 'string'
    ? Buffer.from(path, 'utf8')
    : Buffer.from(path.buffer, path.byteOffset, path.byteLength);
}
