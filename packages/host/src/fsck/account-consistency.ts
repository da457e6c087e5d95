/**
 * Account files that do not fit each other, or the image; pure judgements over their texts (passwd(5), group(5), shadow(5), gshadow(5)).
 *
 * Both happen where an image is rebuilt with other numbers, or drops an account this machine changed: a line left in `gshadow` makes
 * systemd-sysusers refuse to make the group again, and files of the image belong to whoever has their number here.
 */

/** The files, bytes as latin1 strings; undefined for one that is not there. */
export interface AccountFiles {
  readonly passwd: string | undefined;
  readonly shadow: string | undefined;
  readonly group: string | undefined;
  readonly gshadow: string | undefined;
}

/** Lines of a secret file whose account is gone. */
export interface StaleLines {
  readonly file: 'shadow' | 'gshadow';
  readonly names: readonly string[];
  /** The file without them; everything else byte for byte. */
  readonly text: string;
}

/** One name with two numbers. */
export interface DriftedId {
  readonly kind: 'user' | 'group';
  readonly name: string;
  readonly here: number;
  readonly inImage: number;
}

/** Each file of secrets, and the one its accounts are in. */
const SECRETS = [
  ['shadow', 'passwd'],
  ['gshadow', 'group'],
] as const;
/** The number of an account in passwd(5) and group(5). */
const ID_FIELD = 2;

/**
 * Lines that name an account which is nowhere else. Where the file of accounts is missing or names nobody nothing is said: something
 * else is wrong then.
 */
export function staleLines(files: AccountFiles): readonly StaleLines[] {
  return SECRETS.flatMap(([file, accountFile]) => {
    const [secrets, accounts] = [files[file], files[accountFile]];
    if (secrets === undefined || accounts === undefined) return [];
    const known = new Set(namesOf(accounts));
    const isStale = (line: string): boolean => {
      const name = nameOf(line);
      return name !== undefined && !known.has(name);
    };
    const lines = secrets.split('\n');
    const names = lines.filter(isStale).map((line) => nameOf(line) ?? '');
    if (known.size === 0 || names.length === 0) return [];
    return [{ file, names, text: lines.filter((line) => !isStale(line)).join('\n') }];
  });
}

/** Accounts both sides have under different numbers. */
export function driftedIds(here: AccountFiles, image: AccountFiles): readonly DriftedId[] {
  const kinds = [
    ['user', here.passwd, image.passwd],
    ['group', here.group, image.group],
  ] as const;
  return kinds.flatMap(([kind, ours = '', theirs = '']) => {
    const ids = idsOf(ours);
    return [...idsOf(theirs)].flatMap(([name, inImage]) => {
      const own = ids.get(name);
      return own === undefined || own === inImage ? [] : [{ kind, name, here: own, inImage }];
    });
  });
}

function namesOf(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => nameOf(line) ?? []);
}

function idsOf(text: string): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (const line of text.split('\n')) {
    const name = nameOf(line);
    const id = line.split(':')[ID_FIELD] ?? '';
    // The first line of a name is the one that counts.
    if (name !== undefined && /^\d{1,10}$/.test(id) && !ids.has(name)) ids.set(name, Number(id));
  }
  return ids;
}

/** Comments and lines of other name services name nobody. */
function nameOf(line: string): string | undefined {
  return /^([^:#+\s-][^:]*):/.exec(line)?.[1];
}
