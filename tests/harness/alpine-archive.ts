/**
 * Alpine, where the machine's mirror has it beside Debian: the root file system it is installed from, and its packages. Nothing of it
 * is run, and nothing is installed.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { arch } from 'node:process';
import { run } from '@slipway/core';
import { besideDebian, downloadFromMirror, type MirrorFile } from './debian-mirror.ts';
import { exclusively } from './exclusively.ts';
import { CACHE } from './slipway.ts';

/** It gets no updates any more: the packages its index names stay where they are. */
const RELEASE = 'v3.19';
const NAME = `alpine-${RELEASE}`;

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/**
 * Archives of Alpine, tar in gzip: the small root file system, then the packages in the order given. The first time they come from
 * the mirror.
 *
 * @returns undefined when the mirror says that it does not have one of them
 * @throws Error when it gives no answer, which says nothing of what it has
 */
export async function alpineArchives(packages: readonly string[]): Promise<readonly string[] | undefined> {
  const uri = await besideDebian(`alpine/${RELEASE}`);
  const architecture = ARCHITECTURES[arch];
  if (uri === undefined || architecture === undefined) return undefined;
  const releases = kept(`${uri}/releases/${architecture}/latest-releases.yaml`);
  const index = kept(`${uri}/main/${architecture}/APKINDEX.tar.gz`);
  return await exclusively(NAME, async () => {
    await mkdir(`${CACHE}/${NAME}`, { recursive: true });
    if (!(await haveAll([releases, index]))) return undefined;
    const archives = [await rootArchive(releases), ...(await packageArchives(index, packages))];
    return (await haveAll(archives)) ? archives.map(({ path }) => path) : undefined;
  });
}

function kept(uri: string): MirrorFile {
  return { uri, path: `${CACHE}/${NAME}/${basename(uri)}` };
}

function beside({ uri }: MirrorFile, name: string): MirrorFile {
  return kept(new URL(name, uri).href);
}

async function haveAll(files: readonly MirrorFile[]): Promise<boolean> {
  for (const file of files) {
    if (!(await downloadFromMirror(file))) return false;
  }
  return true;
}

/** The list of the release names it and says what its bytes are. */
async function rootArchive(releases: MirrorFile): Promise<MirrorFile> {
  const entry =
    /^ {2}flavor: alpine-minirootfs\n {2}file: (?<file>.+)\n(?: {2}.*\n)*? {2}sha256: (?<sha256>.+)$/m;
  const { file, sha256 } = entry.exec(await readFile(releases.path, 'utf8'))?.groups ?? {};
  if (file === undefined || sha256 === undefined)
    throw new Error(`${releases.uri} names no root file system`);
  return { ...beside(releases, file), sha256 };
}

async function packageArchives(index: MirrorFile, packages: readonly string[]): Promise<MirrorFile[]> {
  const { stdout } = await run(['tar', '-xzOf', index.path, 'APKINDEX'], {
    describe: 'read the index of Alpine',
  });
  const versions = new Map(
    [...stdout.toString('utf8').matchAll(/^P:(?<name>.+)\nV:(?<version>.+)$/gm)].map(
      ({ groups }) => [groups?.['name'], groups?.['version']] as const,
    ),
  );
  return packages.map((name) => {
    const version = versions.get(name);
    if (version === undefined) throw new Error(`${index.uri} has no ${name}`);
    return beside(index, `${name}-${version}.apk`);
  });
}
