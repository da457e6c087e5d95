/** Paths on the live system whose last part is bytes held as a latin1 string. */

/** `directory` (text) and a path below it (bytes) as bytes for system calls. */
export function livePath(directory: string, path: string): Buffer {
  return path === ''
    ? Buffer.from(directory)
    : Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path, 'latin1')]);
}

/** Bytes held as a latin1 string, for people: UTF-8 where it is, escaped where it is not. */
export function displayPath(path: string): string {
  const text = Buffer.from(path, 'latin1').toString('utf8');
  return Buffer.from(text).toString('latin1') === path ? text : JSON.stringify(path).slice(1, -1);
}
