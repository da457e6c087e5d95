/** Directories of small configuration files, as systemd reads them: `sysusers.d`, `tmpfiles.d`. */
import type { LintRoot } from './lint-root.ts';

/** A later place hides a file of the same name in an earlier one. */
const PLACES = ['usr/lib', 'usr/local/lib', 'etc'] as const;

/** Words of every line that is no comment; what is quoted is one word. */
export async function configurationLines(
  root: LintRoot,
  directory: 'sysusers.d' | 'tmpfiles.d',
): Promise<readonly (readonly string[])[]> {
  const files = new Map<string, string>();
  for (const place of PLACES) {
    for (const name of await root.names(`${place}/${directory}`)) {
      if (name.endsWith('.conf')) files.set(name, `${place}/${directory}/${name}`);
    }
  }
  const lines: (readonly string[])[] = [];
  for (const path of files.values()) {
    for (const line of ((await root.text(path)) ?? '').split('\n')) {
      const words = wordsOf(line);
      if (words.length > 1) lines.push(words);
    }
  }
  return lines;
}

function wordsOf(line: string): readonly string[] {
  if (/^\s*(?:#|$)/.test(line)) return [];
  return (line.match(/"(?:[^"\\]|\\.)*"|'[^']*'|\S+/g) ?? []).map((word) =>
    word.replace(/^(["'])(.*)\1$/, '$2'),
  );
}
