/**
 * Three-way merge of account files (passwd(5), group(5), shadow(5), gshadow(5), subuid(5)) line by line. Every machine changes
 * them (a password, a person) and so does every image (a service's user): taken whole, one of the two would be lost.
 */

/** Three versions of one file, bytes as latin1 strings. */
export interface AccountTexts {
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
}

/** What came of it. */
export interface MergedAccounts {
  readonly text: string;
  /** Names the image brought, changed and took away. */
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly conflicts: readonly AccountConflict[];
}

/** A line of the image that did not reach this machine. */
export interface AccountConflict {
  readonly account: string;
  /**
   * - `both-changed`: both sides changed the line; ours stays
   * - `deleted-here`: deleted here, changed by the image; stays deleted
   * - `removed-by-image`: changed here, removed by the image; ours stays
   * - `id-taken`: new in the image, and its number belongs to another account here
   */
  readonly kind: 'both-changed' | 'deleted-here' | 'removed-by-image' | 'id-taken';
}

/** Files of `/etc` that are merged so, and what is special about each. */
const FILES: Readonly<Record<string, { readonly idField?: number; readonly listFields: readonly number[] }>> =
  {
    passwd: { idField: 2, listFields: [] },
    group: { idField: 2, listFields: [3] },
    shadow: { listFields: [] },
    gshadow: { listFields: [2, 3] },
    subuid: { listFields: [] },
    subgid: { listFields: [] },
  };

/** Whether a path below `/etc` is an account file. */
export function isAccountFile(path: string): boolean {
  return Object.hasOwn(FILES, path);
}

/**
 * Merges an account file. Lines are told apart by their first field. What this machine changed stays, in its place; what it left
 * alone follows the image; what the image brings comes at the end. Lists of members are merged name by name. No two accounts end
 * up with one number that had different ones: the local one stays, and the other is reported.
 *
 * @param path below `/etc`, of an account file
 */
export function mergeAccountLines(path: string, { base, ours, theirs }: AccountTexts): MergedAccounts {
  const { idField, listFields = [] } = FILES[path] ?? {};
  const [before, next] = [byName(base), byName(theirs)];
  const merged: string[] = [];
  const report = { added: [] as string[], changed: [] as string[], removed: [] as string[] };
  const conflicts: AccountConflict[] = [];
  const seen = new Set<string>();
  for (const line of linesOf(ours)) {
    const name = nameOf(line);
    // Comments and second lines of one name are nobody's but this machine's.
    if (name === undefined || seen.has(name)) {
      merged.push(line);
      continue;
    }
    seen.add(name);
    const decided = decideLine(line, before.get(name), next.get(name), listFields);
    if (decided.conflict !== undefined) conflicts.push({ account: name, kind: decided.conflict });
    if (decided.line === undefined) report.removed.push(name);
    else merged.push(decided.line);
    if (decided.line !== undefined && decided.line !== line) report.changed.push(name);
  }
  for (const [name, line] of next) {
    if (seen.has(name)) continue;
    const old = before.get(name);
    if (old !== undefined) {
      if (old !== line) conflicts.push({ account: name, kind: 'deleted-here' });
    } else if (idField !== undefined && isIdTaken(line, merged, next, idField)) {
      conflicts.push({ account: name, kind: 'id-taken' });
    } else {
      merged.splice(placeForNew(merged), 0, line);
      report.added.push(name);
    }
  }
  return { text: merged.map((line) => `${line}\n`).join(''), ...report, conflicts };
}

function decideLine(
  ours: string,
  base: string | undefined,
  theirs: string | undefined,
  listFields: readonly number[],
): { readonly line: string | undefined; readonly conflict?: AccountConflict['kind'] } {
  if (ours === theirs || base === theirs) return { line: ours };
  if (ours === base) return { line: theirs };
  if (theirs === undefined) return { line: ours, conflict: 'removed-by-image' };
  const line = mergeFields(ours, base, theirs, listFields);
  return line === undefined ? { line: ours, conflict: 'both-changed' } : { line };
}

/** Both sides changed different fields, or members of one list; undefined where they changed the same one. */
function mergeFields(
  ours: string,
  base: string | undefined,
  theirs: string,
  listFields: readonly number[],
): string | undefined {
  const [old, mine, next] = [base?.split(':') ?? [], ours.split(':'), theirs.split(':')];
  if (mine.length !== next.length || (base !== undefined && old.length !== mine.length)) return undefined;
  const fields = mine.map((field, index) => {
    const [before, after = ''] = [old[index], next[index]];
    if (listFields.includes(index)) return mergeMembers(field, before ?? '', after);
    if (field === after || before === after) return field;
    return field === before ? after : undefined;
  });
  return fields.some((field) => field === undefined) ? undefined : fields.join(':');
}

function mergeMembers(ours: string, base: string, theirs: string): string {
  const [mine, old, next] = [membersOf(ours), membersOf(base), membersOf(theirs)];
  const stays = mine.filter((name) => next.includes(name) || !old.includes(name));
  const comes = next.filter((name) => !old.includes(name) && !mine.includes(name));
  return [...stays, ...comes].join(',');
}

function membersOf(list: string): readonly string[] {
  return list.split(',').filter((name) => name !== '');
}

/** An account here has that number, and the image does not mean it to. */
function isIdTaken(
  line: string,
  merged: readonly string[],
  next: ReadonlyMap<string, string>,
  idField: number,
): boolean {
  const idOf = (text: string | undefined): string | undefined => text?.split(':')[idField];
  const id = idOf(line);
  return merged.some((other) => {
    const name = nameOf(other);
    return name !== undefined && idOf(other) === id && idOf(next.get(name)) !== id;
  });
}

/** Lines of other name services (`+…`) end the file. */
function placeForNew(lines: readonly string[]): number {
  const first = lines.findIndex((line) => line.startsWith('+'));
  return first === -1 ? lines.length : first;
}

function byName(text: string): ReadonlyMap<string, string> {
  const lines = new Map<string, string>();
  for (const line of linesOf(text)) {
    const name = nameOf(line);
    if (name !== undefined && !lines.has(name)) lines.set(name, line);
  }
  return lines;
}

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function nameOf(line: string): string | undefined {
  return /^([^:#+\s-][^:]*):/.exec(line)?.[1];
}
