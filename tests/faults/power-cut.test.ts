/**
 * Power that is cut while a host is updated: its disk is put together as it was at every flush, and at random points between, and each of
 * these disks must be that of a host that boots, has everything its administrator left on it, and says what was interrupted.
 */
import { join } from 'node:path';
import { makeTempDir } from '@slipway/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { partsOf } from '../../packages/host/src/testing/test-host.ts';
import { ROOT } from '../harness/slipway.ts';
import { BOOT_WITHIN_MS, type BootWay, bootCut } from './power-cut/boot-cut.ts';
import { HostMirror } from './power-cut/host-mirror.ts';
import { CutJudge, type CutVerdict } from './power-cut/judge-cut.ts';
import { diceOf, type PowerCut, planCuts, thinned } from './power-cut/plan-cuts.ts';
import { type RecordedUpdate, recordUpdate } from './power-cut/record-update.ts';
import { type ReplayedDisk, replayDisk } from './power-cut/replayed-disk.ts';
import { openWriteLog } from './power-cut/write-log.ts';
import { type FaultRow, IS_QUICK, report, row, SEED } from './results.ts';

const CUTS = IS_QUICK ? 60 : 500;
const BOOTS = Number(process.env['FAULTS_BOOTS'] ?? (IS_QUICK ? 2 : 30));
/** Of so many boots one goes through firmware and boot loader; there only the way to the kernel is another. */
const FIRMWARE_EVERY = 5;
const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

interface JudgedCut extends CutVerdict {
  readonly cut: PowerCut;
}

let update: RecordedUpdate;
const judged: JudgedCut[] = [];
const booted: JudgedCut[] = [];
const rows: FaultRow[] = [];

beforeAll(async () => {
  update = await recordUpdate(`${ROOT}/build/tests/faults`, say);
});

afterAll(async () => {
  const powerCut = { checked: judged.length, booted: booted.length, lost: lostOf([...judged, ...booted]) };
  await report('power-cut', { rows, json: { powerCut } });
});

test('at every flush and between them leaves a host that boots and has lost nothing', async () => {
  const startMs = performance.now();
  await withDisk(async (disk, judge, _mirror) => {
    const all = await cuts(CUTS);
    for (const cut of IS_QUICK ? thinned(all, CUTS) : all) {
      judged.push({ cut, ...(await at(disk, cut, () => judge.judge())) });
    }
  });
  markForgotten();
  rows.push(row('power cut, disk checked', judged.length, lostOf(judged), startMs));
  expect(described(judged)).toEqual([]);
  // Whether the first flush comes before the update has said a word is chance.
  const phases = new Set(judged.map(({ phase }) => phase));
  expect([...phases].filter((phase) => phase !== 'before').toSorted()).toEqual([
    'finished',
    'pull',
    'staged',
  ]);
});

// As long as all of them may take: thirty boots are more than the hour other tests have.
test('leaves a disk that a machine boots', { timeout: BOOTS * BOOT_WITHIN_MS }, async () => {
  const startMs = performance.now();
  await withDisk(async (disk, judge, mirror, directory) => {
    const chosen = thinned(await cuts(CUTS), BOOTS).slice(0, BOOTS);
    for (const [index, cut] of chosen.entries()) {
      const way = index % FIRMWARE_EVERY === FIRMWARE_EVERY - 1 ? 'firmware' : 'kernel';
      const verdict = await at(disk, cut, () => bootAndCompare(disk, judge, mirror, directory, way));
      booted.push({ cut, ...verdict });
    }
  });
  rows.push(row('power cut, machine booted', booted.length, lostOf(booted), startMs));
  expect(described(booted)).toEqual([]);
});

/** The machine must come up with what the disk says, find everything kept, and tell of what was interrupted. */
async function bootAndCompare(
  disk: ReplayedDisk,
  judge: CutJudge,
  mirror: HostMirror,
  directory: string,
  way: BootWay,
): Promise<CutVerdict> {
  const verdict = await judge.judge();
  const path = join(directory, 'cut.raw');
  await disk.save(path);
  const { deployment, events, kept } = await bootCut(path, partsOf(mirror.directory).esp, way);
  const wanted = verdict.booted === 'new' ? update.newId : update.oldId;
  const told = { before: undefined, pull: 'interrupted', staged: 'finalize-interrupted', finished: 'booted' }[
    verdict.phase
  ];
  const files = {
    edited: 'mine',
    added: 'mine',
    deleted: '',
    default: verdict.booted === 'new' ? '2' : '1',
    kept: 'keep me',
  };
  const problems = [
    ...(deployment === wanted ? [] : [`${deployment} was booted`]),
    ...(told === undefined || events.includes(told) ? [] : [`the history says ${events.join(', ')}`]),
    ...Object.entries(files).flatMap(([name, text]) =>
      kept[name] === text ? [] : [`${name} is ${kept[name]}`],
    ),
  ];
  say(`booted a cut (${way}, ${verdict.phase}): ${problems.join('; ') || 'all is well'}`);
  return { ...verdict, problems };
}

async function withDisk(
  work: (disk: ReplayedDisk, judge: CutJudge, mirror: HostMirror, directory: string) => Promise<void>,
): Promise<void> {
  // In memory: the same few blocks are written hundreds of times.
  await using dir = await makeTempDir('power-cut', '/dev/shm');
  await using disk = await replayDisk(update.diskPath, await openWriteLog(update.logPath), dir.path);
  const mirror = new HostMirror(join(dir.path, 'mirror'));
  await work(disk, new CutJudge(update, disk, mirror, dir.path), mirror, dir.path);
}

/** What had been staged at one flush and is neither staged nor booted at a later one was lost without a word. */
function markForgotten(): void {
  const order = ['before', 'pull', 'staged', 'finished'] as const;
  let furthest = 0;
  for (const [index, one] of judged.entries()) {
    if (one.cut.kind !== 'flush' || one.problems.length > 0) continue;
    const reached = order.indexOf(one.phase);
    if (reached < furthest)
      judged[index] = { ...one, problems: [`it was ${order[furthest]} before, and is forgotten`] };
    furthest = Math.max(furthest, reached);
  }
}

async function cuts(atLeast: number): Promise<readonly PowerCut[]> {
  await using log = await openWriteLog(update.logPath);
  return planCuts(log.requests, update.entriesBefore, atLeast, diceOf(SEED));
}

async function at<T>(disk: ReplayedDisk, cut: PowerCut, work: () => Promise<T>): Promise<T> {
  await disk.advanceTo(cut.position);
  return await disk.with(cut.landed, work);
}

function lostOf(all: readonly JudgedCut[]): number {
  return all.filter(({ problems }) => problems.length > 0).length;
}

/** Those that lost something, for people. */
function described(all: readonly JudgedCut[]): readonly string[] {
  return all.flatMap(({ cut, problems }) =>
    problems.length === 0 ? [] : [`${cut.kind} at ${cut.position}: ${problems.join('; ')}`],
  );
}
