import type { SystemDraft } from './draft.ts';

/** A file of lines of fields, such as passwd(5): found by the first field, everything else kept as it was. */
export class AccountFile {
  readonly #lines: string[];

  constructor(text: string) {
    this.#lines = text.split('\n').filter((line) => line !== '');
  }

  /** The fields of an account; undefined when there is none. */
  find(name: string): readonly string[] | undefined {
    return this.#lines.find((line) => line.startsWith(`${name}:`))?.split(':');
  }

  /** The fields of every account. */
  all(): readonly (readonly string[])[] {
    return this.#lines.filter((line) => !line.startsWith('#')).map((line) => line.split(':'));
  }

  /** Replaces an account, or adds it at the end. */
  set(fields: readonly string[]): void {
    const line = fields.join(':');
    const at = this.#lines.findIndex((each) => each.startsWith(`${fields[0]}:`));
    if (at >= 0) this.#lines[at] = line;
    else this.#lines.push(line);
  }

  text(): string {
    return this.#lines.map((line) => `${line}\n`).join('');
  }
}

/** The account files of a host. */
export interface AccountFiles {
  readonly passwd: AccountFile;
  readonly shadow: AccountFile;
  readonly group: AccountFile;
  /** Not every distribution has one. */
  readonly gshadow: AccountFile | undefined;
  readonly subuid: AccountFile | undefined;
  readonly subgid: AccountFile | undefined;
}

/** Reads them as the draft has them. */
export async function readAccounts(draft: SystemDraft): Promise<AccountFiles> {
  const file = async (path: string): Promise<AccountFile | undefined> => {
    const text = await draft.text(path);
    return text === undefined ? undefined : new AccountFile(text);
  };
  return {
    passwd: (await file('/etc/passwd')) ?? new AccountFile(''),
    shadow: (await file('/etc/shadow')) ?? new AccountFile(''),
    group: (await file('/etc/group')) ?? new AccountFile(''),
    gshadow: await file('/etc/gshadow'),
    subuid: await file('/etc/subuid'),
    subgid: await file('/etc/subgid'),
  };
}

/** Puts them into the draft; shadow files that are new are for root alone. */
export function writeAccounts(draft: SystemDraft, files: AccountFiles): void {
  draft.writeText('/etc/passwd', files.passwd.text());
  draft.writeText('/etc/group', files.group.text());
  const secret = draft.kindAt('/etc/shadow') === undefined ? { mode: 0o600 } : {};
  draft.writeText('/etc/shadow', files.shadow.text(), secret);
  for (const name of ['gshadow', 'subuid', 'subgid'] as const) {
    const file = files[name];
    if (file !== undefined) draft.writeText(`/etc/${name}`, file.text());
  }
}

/** The lowest number from 1000 that neither a user nor a group has. */
export function freeId({ passwd, group }: AccountFiles): number {
  const taken = new Set([...passwd.all(), ...group.all()].map(([, , id]) => Number(id)));
  let id = 1000;
  while (taken.has(id)) id += 1;
  return id;
}
