/** Checks of every name in the tree. */
import { isUtf8 } from 'node:buffer';
import type { Lint } from './lint.ts';

/** Names and targets of links. */
export const NAME_LINTS: readonly Lint[] = [
  {
    name: 'utf8',
    level: 'fatal',
    summary: 'names of files and targets of symbolic links are UTF-8',
    check: async (root) => {
      const wrong: string[] = [];
      for await (const { path, kind } of root.walk('')) {
        if (!isText(path)) wrong.push(`/${shown(path)} is not UTF-8`);
        if (kind !== 'symlink') continue;
        const target = await root.linkTarget(path);
        if (target !== undefined && !isText(target)) {
          wrong.push(`/${shown(path)} points to what is not UTF-8: ${shown(target)}`);
        }
      }
      return wrong;
    },
  },
];

function isText(name: string): boolean {
  return isUtf8(Buffer.from(name, 'latin1'));
}

/** Bytes that are no text, as C would write them. */
function shown(name: string): string {
  const utf8 = Buffer.from(name, 'latin1');
  if (isUtf8(utf8)) return utf8.toString('utf8');
  return name.replace(/[^ -~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
