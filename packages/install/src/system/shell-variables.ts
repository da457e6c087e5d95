import type { SystemDraft } from './draft.ts';

/** Sets variables in a file of `NAME=value` lines; other lines stay, comments too. */
export async function setVariables(
  draft: SystemDraft,
  path: string,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const rest = new Map(Object.entries(variables));
  const before = ((await draft.text(path)) ?? '').split('\n');
  if (before.at(-1) === '') before.pop();
  const lines = before.map((line) => {
    const name = /^\s*(?<name>\w+)=/.exec(line)?.groups?.['name'] ?? '';
    const value = rest.get(name);
    rest.delete(name);
    return value === undefined ? line : assignment(name, value);
  });
  for (const [name, value] of rest) lines.push(assignment(name, value));
  draft.writeText(path, lines.map((line) => `${line}\n`).join(''));
}

function assignment(name: string, value: string): string {
  return /^[\w.@:/-]+$/.test(value)
    ? `${name}=${value}`
    : `${name}="${value.replaceAll(/["\\$`]/g, '\\$&')}"`;
}
