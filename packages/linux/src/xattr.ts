import { errnoOf } from '@slipway/core';
import { addon } from './addon.ts';
import { type PathLike, pathBytes } from './path.ts';

/** Whether setting an attribute may create it, or replace it, or only one of the two. */
export type XattrWrite = 'create-or-replace' | 'create' | 'replace';

/** Flags of setxattr(2). */
const FLAGS: Readonly<Record<XattrWrite, number>> = { 'create-or-replace': 0, create: 1, replace: 2 };

/*
 * Names are bytes held as latin1 strings, as in a file tree. None of these follows a symlink at the end of the path.
 */

/** An extended attribute, or undefined when the file has none of that name. */
export function getXattr(path: PathLike, name: string): Buffer | undefined {
  try {
    return addon().lgetxattr(pathBytes(path), Buffer.from(name, 'latin1'));
  } catch (cause) {
    if (errnoOf(cause) === 'ENODATA') return undefined;
    throw cause;
  }
}

/**
 * Sets an extended attribute.
 *
 * @throws an Error with `code` EEXIST or ENODATA as `write` asks, ENOTSUP where the file system keeps none, EPERM where
 *   the namespace (`trusted.`, `security.`) or the kind of file forbids it, ENOSPC or E2BIG when it does not fit
 */
export function setXattr(
  path: PathLike,
  name: string,
  value: Uint8Array,
  write: XattrWrite = 'create-or-replace',
): void {
  addon().lsetxattr(pathBytes(path), Buffer.from(name, 'latin1'), pathBytes(value), FLAGS[write]);
}

/** Names of the extended attributes this process may see, in the file system's order. */
export function listXattrs(path: PathLike): readonly string[] {
  const names = addon().llistxattr(pathBytes(path)).toString('latin1').split('\0');
  return names.slice(0, -1);
}

/**
 * Removes an extended attribute.
 *
 * @throws an Error with `code` ENODATA when there is none of that name
 */
export function removeXattr(path: PathLike, name: string): void {
  addon().lremovexattr(pathBytes(path), Buffer.from(name, 'latin1'));
}

/** All extended attributes with their values. One that goes away between listing and reading is left out. */
export function readXattrs(path: PathLike): ReadonlyMap<string, Buffer> {
  const xattrs = new Map<string, Buffer>();
  for (const name of listXattrs(path)) {
    const value = getXattr(path, name);
    if (value !== undefined) xattrs.set(name, value);
  }
  return xattrs;
}
