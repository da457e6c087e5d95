import { checkStorage } from './check-storage.ts';
import type { FieldPath, FieldProblem, Report } from './position.ts';
import type { Customizations, ImageConfig } from './types.ts';

/** Parts of the format that a container image itself brings along, or that only programs of one distribution read. */
const NEVER: Readonly<Record<string, string>> = {
  openscap: 'is not supported: harden the image in its Containerfile',
  rhsm: 'is not supported: register the image in its Containerfile',
  rpm: 'is not supported: import keys in the Containerfile of the image',
  repositories: 'is not supported: add package sources in the Containerfile of the image',
  cacerts: 'is not supported: add certificates with files, or in the Containerfile of the image',
  fdo: 'is not supported',
  firstboot: 'is not supported: use files and services',
  dnf: 'is not supported: an image has no package manager at run time',
  'containers-storage': 'is not supported',
  partitioning_mode: 'is not supported: describe the partitions in disk',
  bootloader: 'is not supported: the boot loader is part of the image',
  fips: 'is not supported: switch FIPS mode on in the image and with kernel.append = "fips=1"',
  ignition: 'is not supported: nothing of it is needed, use users and files',
};

const EMPTY_ONLY: readonly string[] = ['packages', 'modules', 'enabled_modules', 'groups', 'containers'];
const INSTALLER_ONLY: readonly string[] = ['installer', 'iso', 'installation_device'];

/** Everything a schema cannot say: contradictions, and what `target` cannot do. */
export function checkConfig(config: ImageConfig, target: 'disk' | 'installer'): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  const top = config as Readonly<Record<string, unknown>>;
  for (const key of EMPTY_ONLY) {
    const list = top[key];
    if (Array.isArray(list) && list.length > 0) {
      report([key], 'must be empty: what runs on a host is part of its image, add it in the Containerfile');
    }
  }
  const customizations = config.customizations ?? {};
  const given = customizations as Readonly<Record<string, unknown>>;
  for (const [key, message] of Object.entries(NEVER)) {
    if (given[key] !== undefined && given[key] !== false) report(['customizations', key], message);
  }
  for (const key of INSTALLER_ONLY) {
    if (target === 'disk' && given[key] !== undefined) {
      report(['customizations', key], 'is for installers; a disk image is not installed by anybody');
    }
  }
  if (customizations.kernel?.name !== undefined)
    report(at('kernel', 'name'), 'is not supported: the kernel is part of the image');
  checkAccounts(customizations, report);
  checkFiles(customizations, report);
  checkServices(customizations, report);
  checkStorage(customizations, target, report);
  return problems;
}

/** The path of a field below `customizations`. */
function at(...path: FieldPath): FieldPath {
  return ['customizations', ...path];
}

function checkAccounts({ user = [], group = [] }: Customizations, report: Report): void {
  reportTwice(
    user.map(({ name }) => name),
    (index, name) => report(at('user', index, 'name'), `'${name}' is described twice`),
  );
  reportTwice(
    group.map(({ name }) => name),
    (index, name) => report(at('group', index, 'name'), `'${name}' is described twice`),
  );
  const uids = user.map(({ uid }) => (uid === undefined ? undefined : String(uid)));
  reportTwice(uids, (index, uid) => report(at('user', index, 'uid'), `${uid} is the number of another user`));
  const gids = group.map(({ gid }) => (gid === undefined ? undefined : String(gid)));
  reportTwice(gids, (index, gid) =>
    report(at('group', index, 'gid'), `${gid} is the number of another group`),
  );
  for (const [index, { name, password, locked }] of user.entries()) {
    if (locked === true && password !== undefined)
      report(at('user', index, 'locked'), `'${name}' has a password too`);
  }
}

function checkFiles({ files = [], directories = [] }: Customizations, report: Report): void {
  const paths = [...files, ...directories].map(({ path }) => path);
  reportTwice(paths, (index, path) => {
    const isFile = index < files.length;
    report(
      at(isFile ? 'files' : 'directories', isFile ? index : index - files.length, 'path'),
      `${path} is described twice`,
    );
  });
  for (const [index, file] of files.entries()) {
    const contents = [file.data, file.data_base64, file.uri].filter((each) => each !== undefined);
    if (contents.length > 1)
      report(at('files', index), 'has more than one content: give one of data, data_base64 and uri');
    if (file.uri !== undefined && !file.uri.startsWith('file:///'))
      report(at('files', index, 'uri'), 'must begin with file:///');
    const owner = OWNED_BY_OTHERS[file.path];
    if (owner !== undefined) report(at('files', index, 'path'), `${file.path} is made from ${owner}`);
  }
}

function checkServices({ services }: Customizations, report: Report): void {
  const known = new Map<string, string>();
  for (const list of ['enabled', 'disabled', 'masked'] as const) {
    for (const [index, unit] of (services?.[list] ?? []).entries()) {
      const other = known.get(unit);
      if (other === undefined) known.set(unit, list);
      else
        report(
          at('services', list, index),
          other === list ? `${unit} stands here twice` : `${unit} is ${other} too`,
        );
    }
  }
}

/** Files that are made from other fields. */
const OWNED_BY_OTHERS: Readonly<Record<string, string | undefined>> = {
  '/etc/passwd': 'user',
  '/etc/shadow': 'user',
  '/etc/group': 'group',
  '/etc/gshadow': 'group',
  '/etc/fstab': 'disk',
  '/etc/hostname': 'hostname',
  '/etc/localtime': 'timezone',
};

function reportTwice(
  values: readonly (string | undefined)[],
  report: (index: number, value: string) => void,
): void {
  const seen = new Set<string>();
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue;
    if (seen.has(value)) report(index, value);
    seen.add(value);
  }
}
