/** What became of a host whose power was cut: asked of the file systems' own checkers, then of the packages the host runs. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openRepository, type Repository } from '@slipway/composefs';
import { isSlipwayError, run } from '@slipway/core';
import { type DiskDirectory, type DiskSource, openRawSource, readFat } from '@slipway/disk';
import { finalizeStaged, readHistory, recordBoot } from '@slipway/host';
import { hostLayout } from '../../../packages/host/src/layout.ts';
import { parseOrigin } from '../../../packages/host/src/origin.ts';
import { boot, partsOf, type TestHost } from '../../../packages/host/src/testing/test-host.ts';
import type { HostMirror } from './host-mirror.ts';
import type { RecordedUpdate } from './record-update.ts';
import type { ReplayedDisk } from './replayed-disk.ts';

/** Clusters no file had, made a file by the repair: what a write that was cut left. The firmware knows no file of that name. */
const FOUND_BY_REPAIR = /\/FSCK\d{4}\.REC$/;

/** What was found. */
export interface CutVerdict {
  readonly booted: 'old' | 'new' | 'none';
  /** How far the update had come, as the host itself says at the next boot. */
  readonly phase: 'before' | 'pull' | 'staged' | 'finished';
  /** Everything that is not as it should be. */
  readonly problems: readonly string[];
}

/** Judges moments of one recorded update. */
export class CutJudge {
  readonly #update: RecordedUpdate;
  readonly #disk: ReplayedDisk;
  readonly #mirror: HostMirror;
  readonly #scratch: string;
  readonly #needed = new Map<string, ReadonlySet<string>>();
  readonly #verdicts = new Map<string, CutVerdict>();
  readonly #espVerdicts = new Map<number, readonly string[]>();
  #repairedFingerprint: number | undefined;

  constructor(update: RecordedUpdate, disk: ReplayedDisk, mirror: HostMirror, scratch: string) {
    this.#update = update;
    this.#disk = disk;
    this.#mirror = mirror;
    this.#scratch = scratch;
  }

  /** The disk as it is now, as the next boot would find it. */
  async judge(): Promise<CutVerdict> {
    try {
      return await withRecovered(this.#disk.root.path, join(this.#scratch, 'undo'), async () => {
        await this.#mirror.readRoot(this.#disk.root);
        await using esp = await openRawSource(await this.#repairedEsp());
        await this.#mirror.readEsp(this.#disk.esp, esp);
        const first = [...this.#storeProblems(), ...(await this.#espProblems(esp))];
        const verdict = await this.#judgeHost();
        return { ...verdict, problems: [...first, ...verdict.problems] };
      });
    } catch (thrown) {
      const problem = thrown instanceof Error ? thrown.message : String(thrown);
      return { booted: 'none', phase: 'before', problems: [problem] };
    }
  }

  /** What `slipway fsck` says of a store, from what is known of every object. */
  #storeProblems(): readonly string[] {
    const { objects } = this.#mirror;
    return [...objects.values()].filter((problem) => problem !== undefined);
  }

  /** A copy of the boot partition, repaired as the system does before it mounts it. */
  async #repairedEsp(): Promise<string> {
    const copy = join(this.#scratch, 'esp-repaired.img');
    const fingerprint = this.#disk.esp.fingerprint();
    if (fingerprint === this.#repairedFingerprint) return copy;
    await run(['cp', '--sparse=always', this.#disk.esp.path, copy], { describe: 'copy a boot partition' });
    await run(['fsck.vfat', '-a', copy], { describe: 'repair a boot partition', allowExitCodes: [1] });
    this.#repairedFingerprint = fingerprint;
    return copy;
  }

  /**
   * The firmware reads the boot partition as it is, and of it what it starts; what was being written beside that may be in pieces. The repair
   * must take nothing away, and change nothing of what stays.
   */
  async #espProblems(repaired: DiskSource): Promise<readonly string[]> {
    const fingerprint = this.#disk.esp.fingerprint();
    const known = this.#espVerdicts.get(fingerprint);
    if (known !== undefined) return known;
    const after = await espNames(repaired);
    const before = await espNames(this.#disk.esp.source()).catch(inPieces);
    const verdict =
      before === undefined
        ? await this.#changedByRepair(after)
        : before
            .filter((name) => !after.includes(name))
            .map((name) => `the repair of the boot partition takes ${name} away`);
    this.#espVerdicts.set(fingerprint, verdict);
    return verdict;
  }

  /** Files the firmware would read otherwise than the system: each is looked up alone, as the firmware does. */
  async #changedByRepair(names: readonly string[]): Promise<readonly string[]> {
    const changed: string[] = [];
    for (const name of names.filter((name) => !FOUND_BY_REPAIR.test(name))) {
      const path = name.slice(name.indexOf('/'));
      const { stdout } = await run(['mtype', '-i', this.#disk.esp.path, `::${path}`], {
        describe: 'read a file of a boot partition',
        allowExitCodes: [1],
      });
      const mirrored = await readFile(join(partsOf(this.#mirror.directory).esp, path));
      if (!stdout.equals(mirrored)) changed.push(`the firmware finds ${path} in pieces`);
    }
    return changed;
  }

  /** Records alone decide the rest: equal ones are judged once. */
  async #judgeHost(): Promise<CutVerdict> {
    const key = this.#mirror.fingerprint();
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const copy = join(this.#scratch, 'machine');
    rmSync(copy, { recursive: true, force: true });
    // Objects and kernels are never written again, only replaced: names of the same files do. Records are appended to.
    await run(['cp', '-al', this.#mirror.directory, copy], { describe: 'copy a host' });
    const state = 'sysroot/state';
    rmSync(join(copy, state), { recursive: true });
    await run(['cp', '-a', join(this.#mirror.directory, state), join(copy, state)], {
      describe: 'copy a host',
    });
    const verdict = await this.#bootAndFinish(copy);
    this.#verdicts.set(key, verdict);
    return verdict;
  }

  async #bootAndFinish(directory: string): Promise<CutVerdict> {
    const { oldId, newId } = this.#update;
    const layout = hostLayout(partsOf(directory).sysroot);
    const wasStaged = existsSync(layout.staged);
    const wasAtWork = !wasStaged && readFileSync(layout.lock, 'utf8').includes('slipway upgrade');
    const host = { ...(await boot(directory)), bootId: async () => 'the boot after the cut' };
    const isNew = host.bootedId === newId;
    const problems = [
      ...(await this.#linkProblems(host)),
      ...(await kernelProblems(host)),
      ...(await stateProblems(host, isNew ? '2' : '1')),
    ];
    if (!isNew && host.bootedId !== oldId) problems.push(`it boots ${host.bootedId}`);
    const report = await recordBoot(host);
    if (!isNew && wasStaged && report.interrupted !== newId)
      problems.push('the staged update is not reported');
    if (wasAtWork && !(await readHistory(layout.history)).some(({ event }) => event === 'interrupted')) {
      problems.push('the interrupted upgrade is not reported');
    }
    if (report.outcome !== (isNew ? 'as-expected' : 'as-before'))
      problems.push(`the boot is ${report.outcome}`);
    if (!isNew && wasStaged) problems.push(...(await finishProblems(host, newId)));
    const phase = isNew ? 'finished' : wasStaged ? 'staged' : wasAtWork ? 'pull' : 'before';
    return { booted: isNew ? 'new' : 'old', phase, problems };
  }

  /** Every image and record must have all its objects. */
  async #linkProblems(host: TestHost): Promise<string[]> {
    const repository = await openRepository(host.layout.composefs);
    const problems: string[] = [];
    for (const id of [...repository.listImages(), ...repository.listStreams()]) {
      const missing = [...this.#neededBy(repository, id)].filter((digest) => !repository.hasObject(digest));
      if (missing.length > 0) problems.push(`${id} lacks ${missing.length} objects`);
    }
    if (!repository.listImages().includes(host.bootedId))
      problems.push('the booted image is not in the store');
    return problems;
  }

  #neededBy(repository: Repository, name: string): ReadonlySet<string> {
    const known = this.#needed.get(name);
    if (known !== undefined) return known;
    const isImage = repository.listImages().includes(name);
    const roots = isImage ? { images: [name], streams: [] } : { images: [], streams: [name] };
    const { objects } = repository.reachable(roots);
    this.#needed.set(name, objects);
    return objects;
  }
}

/** Recovers a file system as the boot does, works on it, and takes the recovery back. */
async function withRecovered<T>(path: string, undoPath: string, work: () => Promise<T>): Promise<T> {
  rmSync(undoPath, { force: true });
  // Only what is safe without asking: anything more is a file system that lost something.
  const { exitCode, stdout } = await run(['e2fsck', '-fp', '-z', undoPath, path], {
    describe: 'recover the file system',
    allowExitCodes: [1, 2, 3, 4, 5, 6, 7],
  });
  try {
    if (exitCode > 1) throw new Error(`the file system does not recover: ${stdout.toString().trim()}`);
    return await work();
  } finally {
    if (existsSync(undoPath)) await run(['e2undo', undoPath, path], { describe: 'take a recovery back' });
  }
}

/** Our own reader refuses the whole of a file system that has a file in pieces. */
function inPieces(thrown: unknown): undefined {
  if (!isSlipwayError(thrown, 'DISK_INVALID')) throw thrown;
}

/** Files with their sizes, temporary ones left out. */
async function espNames(source: DiskSource): Promise<readonly string[]> {
  return [...filesOf((await readFat(source)).root, '')].filter((name) => !/\/\.[^/]*$/.test(name));
}

function* filesOf(directory: DiskDirectory, path: string): Generator<string, void, undefined> {
  for (const [name, node] of directory.entries) {
    if (node.kind === 'directory') yield* filesOf(node, `${path}/${name}`);
    else if (node.kind === 'file') yield `${node.sizeBytes} ${path}/${name}`;
  }
}

async function kernelProblems(host: TestHost): Promise<string[]> {
  const { origin } = host.layout.deployment(host.bootedId);
  const wanted = parseOrigin(await readFile(origin, 'utf8'), origin).bootDigest;
  const directory = join(host.esp, 'EFI/Linux', `slipway-${host.bootedId}`);
  const hash = createHash('sha256');
  for (const name of ['linux', 'initrd']) hash.update(await readFile(join(directory, name)));
  return hash.digest('hex') === wanted ? [] : ['the kernel is not that of the image'];
}

async function stateProblems({ etc, layout }: TestHost, version: string): Promise<string[]> {
  const expected: readonly (readonly [string, string | undefined])[] = [
    [join(etc, 'faults/default'), version],
    [join(etc, 'faults/edited'), 'mine'],
    [join(etc, 'faults/added'), 'mine'],
    [join(etc, 'faults/deleted'), undefined],
    [join(layout.varDirectory, 'lib/kept'), 'keep me'],
  ];
  return expected.flatMap(([path, text]) => {
    const found = existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
    return found === text ? [] : [`${path} is ${JSON.stringify(found)} instead of ${JSON.stringify(text)}`];
  });
}

/** An update that was staged is brought to its end by the next shutdown. */
async function finishProblems(host: TestHost, newId: string): Promise<string[]> {
  try {
    await finalizeStaged(host);
    const next = await boot(host.directory);
    if (next.bootedId !== newId) return ['the interrupted update is not finished by the next shutdown'];
    return await stateProblems(next, '2');
  } catch (thrown) {
    if (!isSlipwayError(thrown)) throw thrown;
    return [`the interrupted update cannot be finished: ${thrown.message}`];
  }
}
