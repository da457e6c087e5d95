/**
 * Keys that stand twice in one object of a JSON text. `JSON.parse` keeps the last and says nothing; in a policy that would be a
 * requirement nobody sees missing.
 *
 * @param text valid JSON
 * @returns the path of each, such as `transports.docker`
 */
export function duplicateKeys(text: string): readonly string[] {
  const found: string[] = [];
  const open: { readonly path: string; readonly keys: Set<string> | undefined; last: string }[] = [];
  // Outside of strings only braces and brackets open and close; a string before a colon is a key.
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"(?<colon>\s*:)?|[{}[\]]/g)) {
    const [token] = match;
    const top = open.at(-1);
    if (token === '{' || token === '[') {
      const path = top === undefined ? '' : joined(top.path, top.last);
      open.push({ path, keys: token === '{' ? new Set() : undefined, last: '' });
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (match.groups?.['colon'] !== undefined && top?.keys !== undefined) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      if (top.keys.has(key)) found.push(joined(top.path, key));
      top.keys.add(key);
      top.last = key;
    }
  }
  return found;
}

function joined(path: string, key: string): string {
  if (key === '') return path;
  return path === '' ? key : `${path}.${key}`;
}
