import { lookupDirectory } from '@slipway/composefs';
import { nearMiss } from '../config/near-miss.ts';
import type { FieldPath } from '../config/position.ts';
import type { ServicesConfig } from '../config/types.ts';
import type { SystemDraft } from './draft.ts';

const OWN_UNITS = '/etc/systemd/system';
const UNIT_DIRECTORIES: readonly string[] = [
  OWN_UNITS,
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
];
const UNIT_TYPE = /\.(?:service|socket|target|timer|path|mount|automount|swap|slice|device|scope)$/;

/** Units that start by themselves, do not, or cannot: the symlinks `systemctl enable`, `disable` and `mask` would leave. */
export async function planUnits(
  draft: SystemDraft,
  services: ServicesConfig,
  path: FieldPath,
): Promise<void> {
  for (const [index, name] of (services.disabled ?? []).entries()) {
    if (findUnit(draft, withType(name)) === undefined)
      noUnit(draft, withType(name), [...path, 'disabled', index]);
    removeLinks(draft, withType(name));
  }
  for (const [index, name] of (services.enabled ?? []).entries()) {
    await enableUnit(draft, withType(name), [...path, 'enabled', index], new Set());
  }
  for (const name of services.masked ?? []) {
    draft.put(`${OWN_UNITS}/${withType(name)}`, { kind: 'symlink', target: '/dev/null' });
  }
}

function withType(name: string): string {
  return UNIT_TYPE.test(name) ? name : `${name}.service`;
}

async function enableUnit(
  draft: SystemDraft,
  name: string,
  path: FieldPath,
  done: Set<string>,
): Promise<void> {
  if (done.has(name)) return;
  done.add(name);
  const found = findUnit(draft, name);
  if (found === undefined) {
    noUnit(draft, name, path);
    return;
  }
  // An alias is enabled under the name of what it stands for.
  const unit = draft.real(found) ?? found;
  if (unit !== found && !name.includes('@')) {
    await enableUnit(draft, unit.replace(/^.*\//, ''), path, done);
    return;
  }
  const install = installSection((await draft.text(unit)) ?? '');
  if (install.size === 0) {
    draft.problem(path, `${name} cannot be enabled: it has no [Install] section, others start it`);
    return;
  }
  const instance = instanceOf(name, install.get('DefaultInstance')?.[0]);
  if (instance === undefined) {
    draft.problem(path, `${name} needs an instance between @ and its type`);
    return;
  }
  for (const [key, directory] of [
    ['WantedBy', 'wants'],
    ['RequiredBy', 'requires'],
    ['UpheldBy', 'upholds'],
  ] as const) {
    for (const target of install.get(key) ?? []) {
      draft.put(`${OWN_UNITS}/${specifiers(target, instance)}.${directory}/${instance.name}`, {
        kind: 'symlink',
        target: unit,
      });
    }
  }
  for (const alias of install.get('Alias') ?? []) {
    draft.put(`${OWN_UNITS}/${specifiers(alias, instance)}`, { kind: 'symlink', target: unit });
  }
  for (const also of install.get('Also') ?? []) await enableUnit(draft, withType(also), path, done);
}

interface UnitInstance {
  readonly name: string;
  readonly instance: string;
}

function instanceOf(name: string, fallback: string | undefined): UnitInstance | undefined {
  const found = /^(?<prefix>[^@]+)@(?<instance>.*)(?<type>\.\w+)$/.exec(name)?.groups;
  if (found === undefined) return { name, instance: '' };
  const instance = found['instance'] === '' ? fallback : found['instance'];
  return instance === undefined
    ? undefined
    : { name: `${found['prefix']}@${instance}${found['type']}`, instance };
}

function specifiers(text: string, { name, instance }: UnitInstance): string {
  return text.replaceAll('%i', instance).replaceAll('%I', instance).replaceAll('%n', name);
}

/** systemd.unit(5): assignments of a list add up, an empty one starts over. */
function installSection(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  let section = '';
  for (const raw of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    if (line.startsWith('[')) {
      section = line;
      continue;
    }
    const at = line.indexOf('=');
    if (section !== '[Install]' || at < 0) continue;
    const key = line.slice(0, at).trim();
    const words = line
      .slice(at + 1)
      .split(/\s+/)
      .filter((word) => word !== '');
    found.set(key, words.length === 0 ? [] : [...(found.get(key) ?? []), ...words]);
  }
  return found;
}

function findUnit(draft: SystemDraft, name: string): string | undefined {
  const names = [name, name.replace(/@.*\./, '@.')];
  for (const directory of UNIT_DIRECTORIES) {
    for (const each of names) {
      const path = `${directory}/${each}`;
      if (draft.kindAt(path) === 'file') return path;
    }
  }
  return undefined;
}

function noUnit(draft: SystemDraft, name: string, path: FieldPath): void {
  const known = UNIT_DIRECTORIES.flatMap((directory) => [
    ...(lookupDirectory(draft.image, directory)?.entries.keys() ?? []),
  ]);
  const meant = nearMiss(name, known);
  draft.problem(
    path,
    `the image has no unit ${name}${meant === undefined ? '' : `, did you mean '${meant}'?`}`,
  );
}

/** Takes away what starts a unit: its links in directories of targets, and its other names. */
function removeLinks(draft: SystemDraft, name: string): void {
  const directory = lookupDirectory(draft.image, OWN_UNITS);
  for (const [entry, node] of directory?.entries ?? []) {
    if (node.kind === 'symlink' && node.target.split('/').at(-1) === name)
      draft.put(`${OWN_UNITS}/${entry}`, { kind: 'remove' });
    if (node.kind !== 'directory' || !/\.(?:wants|requires|upholds)$/.test(entry)) continue;
    for (const [link, linked] of node.entries) {
      const leadsThere = linked.kind === 'symlink' && linked.target.split('/').at(-1) === name;
      if (link === name || leadsThere) draft.put(`${OWN_UNITS}/${entry}/${link}`, { kind: 'remove' });
    }
  }
}
