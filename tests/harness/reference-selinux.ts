/**
 * A real SELinux policy and the tool that says what label a path gets by it. They are unpacked once under build/cache: nothing is
 * installed, and no SELinux is needed to look labels up.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { run } from '@slipway/core';
import { CACHE } from './slipway.ts';
import { commandIn, type UnpackedPackages, unpackPackages } from './unpacked-packages.ts';

const PACKAGES: UnpackedPackages = {
  name: 'selinux-trixie',
  suite: 'trixie',
  packages: ['selinux-utils', 'selinux-policy-default', 'semodule-utils'],
  finish: async (root) => {
    await writeFile(`${root}/file_contexts`, await contextsOfModules(root));
  },
};
const ROOT = `${CACHE}/${PACKAGES.name}`;
const MODULES = 'usr/share/selinux/default';
/** All of the policy's lines, as its modules bring them. */
const CONTEXTS = `${ROOT}/file_contexts`;
/** Paths in one run of the tool. */
const BATCH = 1000;

/** Kinds as the tool calls them. */
export type ReferenceKind = 'file' | 'dir' | 'lnk_file' | 'chr_file' | 'blk_file' | 'pipe' | 'sock_file';

/** Gets policy and tool; the first time takes about ten seconds and a Debian mirror. */
export async function prepareSelinux(): Promise<void> {
  await unpackPackages(PACKAGES);
}

/** The text of the policy's `file_contexts`. */
export async function referenceContexts(): Promise<Buffer> {
  return await readFile(CONTEXTS);
}

/** The label of each path by the tool, `<<none>>` for none. */
export async function referenceLabels(kind: ReferenceKind, paths: readonly string[]): Promise<string[]> {
  const labels: string[] = [];
  for (let from = 0; from < paths.length; from += BATCH) {
    const args = ['-n', '-f', CONTEXTS, '-m', kind, ...paths.slice(from, from + BATCH)];
    const { stdout } = await run(commandIn(ROOT, 'usr/sbin/matchpathcon', args), {
      describe: 'look labels up',
    });
    labels.push(...stdout.toString('utf8').trimEnd().split('\n'));
  }
  return labels;
}

/** What a policy's modules say of files, the base module's first, as the linker of policies takes them. */
async function contextsOfModules(root: string): Promise<Buffer> {
  const names = (await readdir(`${root}/${MODULES}`)).filter((name) => name.endsWith('.pp.bz2'));
  const base = 'base.pp.bz2';
  const pieces: Buffer[] = [];
  for (const name of [base, ...names.filter((each) => each !== base).sort()]) {
    const { stdout } = await run(['bzip2', '-dc', `${root}/${MODULES}/${name}`], {
      describe: `unpack ${name}`,
    });
    await writeFile(`${root}/module.pp`, stdout);
    await writeFile(`${root}/module.fc`, '');
    const args = [`${root}/module.pp`, `${root}/module.mod`, `${root}/module.fc`];
    await run(commandIn(root, 'usr/bin/semodule_unpackage', args), { describe: `take ${name} apart` });
    pieces.push(await readFile(`${root}/module.fc`), Buffer.from('\n'));
  }
  return Buffer.concat(pieces);
}
