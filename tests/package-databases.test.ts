import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run } from '@slipway/core';
import { expect, test } from 'vitest';
import { file, member } from '../packages/composefs/src/import/testing.ts';
import { umociLayout } from './harness/layered-image.ts';
import { slipwayJson } from './harness/slipway.ts';

/** Two packages of one source, with an epoch and a directory of their own. */
const SPEC = `
Name: engine
Epoch: 2
Version: 1.5
Release: 3
Summary: a package
License: none
BuildArch: noarch
%description
A package.
%package -n libengine
Summary: another
%description -n libengine
Another.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/share/engine
echo tool > %{buildroot}/usr/bin/engine
echo part > %{buildroot}/usr/share/engine/part
%files
/usr/bin/engine
%files -n libengine
%dir /usr/share/engine
/usr/share/engine/part
`;

test('the database rpm writes is read as rpm reads it', async () => {
  await using directory = await makeTempDir('rpm-test');
  const database = await rpmDatabase(directory.path);
  const listed = await run(
    ['rpm', '--dbpath', database, '-qa', '--qf', '%{NAME} %{EPOCH}:%{VERSION}-%{RELEASE} %{ARCH}\n'],
    { describe: 'list packages with rpm' },
  );
  const bytes = await readFile(join(database, 'rpmdb.sqlite'));
  const common = [member('usr/'), file('usr/bin/engine', 'tool\n'), file('usr/share/engine/part', 'part\n')];
  const [empty, full] = [join(directory.path, 'empty'), join(directory.path, 'full')];
  for (const path of [empty, full]) await mkdir(path);
  const without = `oci:${await umociLayout(empty, [common])}:test`;
  const withPackages = `oci:${await umociLayout(full, [
    [...common, member('usr/lib/sysimage/rpm/rpmdb.sqlite', { bytes })],
  ])}:test`;

  const { packages } = (await slipwayJson(['diff', without, withPackages])) as {
    packages: { added: readonly { name: string; version: string; architecture: string }[] };
  };
  const found = packages.added.map(({ name, version, architecture }) => `${name} ${version} ${architecture}`);
  expect(found).toEqual(listed.stdout.toString('utf8').trim().split('\n').toSorted());
  expect(found).toHaveLength(2);

  const { layers } = (await slipwayJson(['rechunk', withPackages, '-t', `oci:${full}/out:v1`])) as {
    layers: readonly { contents: readonly string[] }[];
  };
  const groups = layers.flatMap(({ contents }) => contents);
  expect(groups.toSorted()).toEqual(['package-database', 'package:engine']);
});

/** A database with the packages installed, as rpm keeps it today. */
async function rpmDatabase(directory: string): Promise<string> {
  const spec = join(directory, 'engine.spec');
  const database = join(directory, 'rpmdb');
  await writeFile(spec, SPEC);
  const describe = 'make packages with rpm';
  await run(['rpmbuild', '--quiet', '-bb', '--define', `_topdir ${directory}/build`, spec], { describe });
  const names = ['engine', 'libengine'].map(
    (name) => `${directory}/build/RPMS/noarch/${name}-1.5-3.noarch.rpm`,
  );
  const backend = ['--define', '_db_backend sqlite', '--dbpath', database];
  await run(['rpm', ...backend, '--initdb'], { describe });
  await run(['rpm', ...backend, '-i', '--justdb', '--nodeps', ...names], { describe });
  return database;
}
