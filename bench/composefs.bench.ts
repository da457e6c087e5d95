/**
 * Trees, dumps and digests against the reference tools, in the same run on the same input.
 *
 *     node bench/composefs.bench.ts
 *
 * The machine's speed and what else it does cancel out in the ratios; seconds mean nothing elsewhere.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDump, writeErofs } from '@slipway/composefs';
import { makeTempDir } from '@slipway/core';
import { prepareReference, referenceCommand } from '../tests/harness/reference-composefs.ts';
import { ROOT } from '../tests/harness/slipway.ts';
import { compare, timeHere, timeProgram } from './compare.ts';
import { debianLikeDump, ENTRIES } from './debian-like-dump.ts';
import { slipwayExecutable } from './executable.ts';

/** Stays in memory between two runs, so that no disk is measured. */
const VERITY_BYTES = 512 * 1024 * 1024;

await prepareReference();
const executable = await slipwayExecutable();
await using dir = await makeTempDir('bench');
const dumpPath = join(dir.path, 'dump');
const largePath = join(dir.path, 'large-dump');
const imagePath = join(dir.path, 'image');
const filePath = join(dir.path, 'file');
const dump = debianLikeDump(ENTRIES);
const { root, facts } = parseDump(dump);
await writeFile(dumpPath, dump);
await writeFile(largePath, debianLikeDump(ENTRIES * 4));
await writeFile(imagePath, writeErofs(root, { facts }));
await writeFile(filePath, Buffer.alloc(VERITY_BYTES, 'slipway'));

/** Of the checkout, from its sources. */
const slipway = (...args: readonly string[]) =>
  timeProgram([`${ROOT}/bin/slipway`, '--quiet', 'composefs', ...args]);
/** What users have. */
const built = (...args: readonly string[]) => timeProgram([executable, '--quiet', 'composefs', ...args]);
const mkcomposefs = (...args: readonly string[]) => timeProgram(referenceCommand('mkcomposefs', args));
const composefsInfo = (...args: readonly string[]) => timeProgram(referenceCommand('composefs-info', args));
const theirImage = (path: string) => mkcomposefs('--from-file', path, '/dev/null');
const ourImage = (path: string) => slipway('create', '--from-file', path, '/dev/null');

process.stdout.write(`composefs: ${ENTRIES} entries\n`);
await compare([
  {
    step: 'dump to image, command',
    peer: 'mkcomposefs --from-file',
    theirs: () => theirImage(dumpPath),
    ours: () => ourImage(dumpPath),
    goal: 1.5,
  },
  {
    step: 'dump to image, executable',
    peer: 'mkcomposefs --from-file',
    theirs: () => theirImage(dumpPath),
    ours: () => built('create', '--from-file', dumpPath, '/dev/null'),
    goal: 1.5,
  },
  {
    step: 'dump to image, 4 times the entries',
    peer: 'mkcomposefs --from-file',
    theirs: () => theirImage(largePath),
    ours: () => ourImage(largePath),
    goal: 1.5,
  },
  {
    step: 'dump to image, library',
    peer: 'mkcomposefs --from-file',
    theirs: () => theirImage(dumpPath),
    ours: () =>
      timeHere(() => {
        const tree = parseDump(dump);
        writeErofs(tree.root, { facts: tree.facts });
      }),
    goal: 1.5,
  },
  {
    step: 'tree to image, library',
    peer: 'mkcomposefs --from-file',
    theirs: () => theirImage(dumpPath),
    ours: () => timeHere(() => writeErofs(root, { facts })),
  },
  {
    step: 'image to dump, command',
    peer: 'composefs-info dump',
    theirs: () => composefsInfo('dump', imagePath),
    ours: () => slipway('dump', imagePath),
  },
  {
    step: 'image to dump, executable',
    peer: 'composefs-info dump',
    theirs: () => composefsInfo('dump', imagePath),
    ours: () => built('dump', imagePath),
  },
  {
    step: 'fs-verity digest, command',
    peer: 'fsverity digest',
    workBytes: VERITY_BYTES,
    theirs: () => timeProgram(['fsverity', 'digest', filePath]),
    ours: () => slipway('measure', filePath),
  },
]);
