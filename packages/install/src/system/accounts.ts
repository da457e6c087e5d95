import type { DirectoryNode } from '@slipway/composefs';
import { nearMiss } from '../config/near-miss.ts';
import type { FieldPath } from '../config/position.ts';
import { keysOf } from '../config/schema/accounts.ts';
import type { Customizations, GroupConfig, UserConfig } from '../config/types.ts';
import { type AccountFiles, freeId, readAccounts, writeAccounts } from './account-files.ts';
import type { SystemDraft } from './draft.ts';
import { PASSWORD_ROUNDS, saltOf, sha512Crypt } from './sha512-crypt.ts';

const DAY_SECONDS = 86_400;
const SUBORDINATE_IDS = 65_536;
/** A hash of crypt(5), or one of the words for "no password". */
const HASH = /^(?:\$[0-9a-z-]+\$.+|[*!].*)$/;

/** What makes accounts the same for the same image. */
export interface AccountSeed {
  /** Salts of passwords given in plain text come from it. */
  readonly seed: string;
  /** The day accounts are made, seconds since 1970. */
  readonly timeSec: number;
}

/** Groups, users, their passwords, keys and home directories. */
export async function planAccounts(
  draft: SystemDraft,
  { user = [], group = [], sshkey = [] }: Customizations,
  seed: AccountSeed,
): Promise<void> {
  if (user.length + group.length + sshkey.length === 0) return;
  const files = await readAccounts(draft);
  for (const [index, each] of group.entries()) addGroup(draft, files, each, ['group', index]);
  // The names first: a user may belong to the group of one described after it.
  for (const [index, each] of user.entries()) addUser(draft, files, each, ['user', index], seed);
  for (const [index, each] of user.entries()) joinGroups(draft, files, each, ['user', index]);
  writeAccounts(draft, files);
  for (const [index, each] of user.entries()) {
    makeHome(draft, files, each, ['user', index]);
    const keys = [...keysOf(each.key ?? ''), ...(each.keys ?? [])];
    await addKeys(draft, files, each.name, keys, ['user', index]);
  }
  for (const [index, { user: name, key }] of sshkey.entries()) {
    await addKeys(draft, files, name, keysOf(key), ['sshkey', index, 'user']);
  }
}

function addGroup(
  draft: SystemDraft,
  files: AccountFiles,
  { name, gid }: GroupConfig,
  path: FieldPath,
): void {
  const known = files.group.find(name);
  if (known !== undefined) {
    if (gid !== undefined && known[2] !== String(gid)) {
      draft.problem([...path, 'gid'], `the group '${name}' of the image has the number ${known[2]}`);
    }
    return;
  }
  const other = files.group.all().find(([, , id]) => id === String(gid));
  if (gid !== undefined && other !== undefined)
    draft.problem([...path, 'gid'], `${gid} is the number of the group '${other[0]}' of the image`);
  putGroup(files, name, gid ?? freeId(files));
}

function putGroup(files: AccountFiles, name: string, gid: number): void {
  files.group.set([name, 'x', String(gid), '']);
  files.gshadow?.set([name, '!', '', '']);
}

function addUser(
  draft: SystemDraft,
  files: AccountFiles,
  user: UserConfig,
  path: FieldPath,
  seed: AccountSeed,
): void {
  const known = files.passwd.find(user.name);
  checkShell(draft, user, path);
  if (known === undefined) files.passwd.set(newUser(draft, files, user, path));
  else files.passwd.set(changedUser(draft, known, user, path));
  files.shadow.set(shadowLine(files.shadow.find(user.name), user, known === undefined, seed));
}

function newUser(
  draft: SystemDraft,
  files: AccountFiles,
  user: UserConfig,
  path: FieldPath,
): readonly string[] {
  const { name } = user;
  const other = files.passwd.all().find(([, , id]) => id === String(user.uid));
  if (user.uid !== undefined && other !== undefined)
    draft.problem([...path, 'uid'], `${user.uid} is the number of the user '${other[0]}' of the image`);
  const uid = user.uid ?? freeId(files);
  const gid = ownGroup(files, user, uid);
  for (const file of [files.subuid, files.subgid]) {
    const last = Math.max(
      100_000 - SUBORDINATE_IDS,
      ...(file?.all() ?? []).map(([, first]) => Number(first) || 0),
    );
    file?.set([name, String(last + SUBORDINATE_IDS), String(SUBORDINATE_IDS)]);
  }
  const shell = user.shell ?? (draft.find('/bin/bash') === undefined ? '/bin/sh' : '/bin/bash');
  return [name, 'x', String(uid), String(gid), user.description ?? '', user.home ?? `/home/${name}`, shell];
}

/** The group a user's files belong to: the one with its number, with its name, or a new one of its name. */
function ownGroup(files: AccountFiles, user: UserConfig, uid: number): number {
  const named = files.group.find(user.name);
  if (user.gid === undefined && named !== undefined) return Number(named[2]);
  const taken = new Set(files.group.all().map(([, , id]) => id));
  const gid = user.gid ?? (taken.has(String(uid)) ? freeId(files) : uid);
  if (!taken.has(String(gid)) && named === undefined) putGroup(files, user.name, gid);
  return gid;
}

function changedUser(
  draft: SystemDraft,
  known: readonly string[],
  user: UserConfig,
  path: FieldPath,
): readonly string[] {
  for (const [field, at] of [
    ['uid', 2],
    ['gid', 3],
  ] as const) {
    if (user[field] !== undefined && String(user[field]) !== known[at]) {
      draft.problem(
        [...path, field],
        `the user '${user.name}' of the image has the number ${known[at]}, and files that belong to it`,
      );
    }
  }
  const [name = '', password = 'x', uid = '', gid = '', description = '', home = '', shell = ''] = known;
  return [name, password, uid, gid, user.description ?? description, user.home ?? home, user.shell ?? shell];
}

function checkShell(draft: SystemDraft, { shell }: UserConfig, path: FieldPath): void {
  if (shell !== undefined && draft.find(shell)?.kind !== 'regular')
    draft.problem([...path, 'shell'], `the image has no ${shell}`);
}

/** shadow(5). A user without a password cannot log in with one. */
function shadowLine(
  known: readonly string[] | undefined,
  user: UserConfig,
  isNew: boolean,
  { seed, timeSec }: AccountSeed,
): readonly string[] {
  const [
    ,
    oldHash = '',
    oldDay = '',
    least = '0',
    most = '99999',
    warn = '7',
    inactive = '',
    oldExpiry = '',
  ] = known ?? [];
  const day = timeSec >= DAY_SECONDS ? String(Math.floor(timeSec / DAY_SECONDS)) : '';
  let hash = known === undefined || isNew ? '!' : oldHash;
  if (user.password !== undefined) hash = hashOf(user.password, `${seed}\0${user.name}`);
  if (user.locked === true) hash = `!${hash.replace(/^!+/, '')}`;
  const changed = user.password === undefined && known !== undefined ? oldDay : day;
  const expiry = user.expiredate === undefined ? oldExpiry : String(user.expiredate);
  return [
    user.name,
    hash,
    user.force_password_reset === true ? '0' : changed,
    least,
    most,
    warn,
    inactive,
    expiry,
    '',
  ];
}

function hashOf(password: string, seed: string): string {
  return HASH.test(password) ? password : sha512Crypt(password, saltOf(seed), PASSWORD_ROUNDS);
}

function joinGroups(draft: SystemDraft, files: AccountFiles, user: UserConfig, path: FieldPath): void {
  for (const [index, name] of (user.groups ?? []).entries()) {
    const line = files.group.find(name);
    if (line === undefined) {
      const meant = nearMiss(
        name,
        files.group.all().map(([each]) => each ?? ''),
      );
      const hint = meant === undefined ? '' : `, did you mean '${meant}'?`;
      draft.problem(
        [...path, 'groups', index],
        `the group '${name}' is neither in the image nor described here${hint}`,
      );
      continue;
    }
    files.group.set(withMember(line, user.name));
    const shadow = files.gshadow?.find(name);
    if (shadow !== undefined) files.gshadow?.set(withMember(shadow, user.name));
  }
}

/** The last field of a line of group(5) and gshadow(5) is its members. */
function withMember(line: readonly string[], name: string): readonly string[] {
  const members = (line.at(-1) ?? '').split(',').filter((each) => each !== '' && each !== name);
  return [...line.slice(0, -1), [...members, name].join(',')];
}

interface Home {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

function homeOf(files: AccountFiles, name: string): Home | undefined {
  const line = files.passwd.find(name);
  if (line === undefined) return undefined;
  return { path: line[5] ?? '/', uid: Number(line[2]), gid: Number(line[3]) };
}

function makeHome(draft: SystemDraft, files: AccountFiles, user: UserConfig, path: FieldPath): void {
  const home = homeOf(files, user.name);
  if (home === undefined || draft.kindAt(home.path) === 'directory') return;
  if (!draft.isWritable(home.path)) {
    draft.problem([...path, 'home'], `${home.path} is not below /var or /etc on a host made from this image`);
    return;
  }
  const { uid, gid } = home;
  draft.put(home.path, { kind: 'directory', mode: 0o700, uid, gid });
  const skeleton = draft.find('/etc/skel');
  if (skeleton?.kind === 'directory') copySkeleton(draft, skeleton, home.path, { uid, gid });
}

function copySkeleton(
  draft: SystemDraft,
  directory: DirectoryNode,
  to: string,
  owner: { readonly uid: number; readonly gid: number },
): void {
  for (const [name, node] of directory.entries) {
    const path = `${to}/${Buffer.from(name, 'latin1').toString('utf8')}`;
    if (node.kind === 'regular') draft.put(path, { kind: 'copy', from: node, ...owner });
    if (node.kind === 'symlink')
      draft.put(path, { kind: 'symlink', target: Buffer.from(node.target, 'latin1').toString('utf8') });
    if (node.kind !== 'directory') continue;
    draft.put(path, { kind: 'directory', mode: node.meta.mode, ...owner });
    copySkeleton(draft, node, path, owner);
  }
}

async function addKeys(
  draft: SystemDraft,
  files: AccountFiles,
  name: string,
  keys: readonly string[],
  path: FieldPath,
): Promise<void> {
  if (keys.length === 0) return;
  const home = homeOf(files, name);
  if (home === undefined) {
    draft.problem(path, `the user '${name}' is neither in the image nor described here`);
    return;
  }
  if (!draft.isWritable(home.path)) {
    draft.problem(path, `the home directory of '${name}' is ${home.path}, which is not below /var or /etc`);
    return;
  }
  const { uid, gid } = home;
  const file = `${home.path}/.ssh/authorized_keys`;
  const before = (await draft.text(file)) ?? '';
  const known = new Set(keysOf(before));
  const added = keys.filter((key) => !known.has(key)).map((key) => `${key}\n`);
  const separator = before === '' || before.endsWith('\n') ? '' : '\n';
  draft.put(`${home.path}/.ssh`, { kind: 'directory', mode: 0o700, uid, gid });
  draft.writeText(file, `${before}${separator}${added.join('')}`, { mode: 0o600, uid, gid });
}
