import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  type ByteStream,
  makeTempDir,
  type Operation,
  type OperationOptions,
  operation,
  run,
  SlipwayError,
  startTask,
  VERSION_SEC,
} from '@slipway/core';
import { type LayoutReference, readTar, type TarInput, writeTar } from '@slipway/oci';
import { readAptSettings } from './apt-settings.ts';
import { type ImageFile, listImageFiles } from './image-files.ts';
import { type BuiltImage, writeImage } from './image-output.ts';
import { newestSuiteDate, suiteDatesCommand, type TreePlan, treeCommand } from './mmdebstrap.ts';
import { type BaseRecipe, baseRecipe } from './recipe.ts';
import { writeTarFile } from './tar-file.ts';
import { BASE_LAYERS, type BaseLayer, BOOTC_PATH, layerEntry, layerOf, SLIPWAY_PATH } from './tree-layers.ts';

/** What {@link buildBaseImage} makes. */
export interface BaseImageOptions extends OperationOptions {
  /** `trixie` or `bookworm`. */
  readonly release: string;
  readonly output: LayoutReference;
  /** The single executable that becomes `/usr/bin/slipway`. */
  readonly slipwayBinary: string;
  /** The directory `os/` of Slipway's sources. */
  readonly osDir: string;
  /** Packages besides the recipe's. */
  readonly packages?: readonly string[];
  /**
   * Latest time of any file, seconds since 1970, and the image's creation time. Default: `SOURCE_DATE_EPOCH` of the
   * environment, else when the newest of the Debian suites used was published.
   */
  readonly sourceDateEpoch?: number;
  /** Keeps downloaded packages here for the next build. */
  readonly cacheDir?: string;
}

/** What was made. */
export interface BaseImage extends BuiltImage {
  readonly release: string;
  readonly kernelVersion: string;
  readonly initramfsBytes: number;
  readonly sourceDateEpoch: number;
}

/**
 * Builds a bootable Debian base image: kernel, systemd, dracut, ssh and Slipway, laid out as a bootable container.
 * The same mirror content, sources and binary give the same digest. Needs mmdebstrap; root is not needed where user
 * namespaces are allowed.
 *
 * Nothing appears under the output's tag before the image is complete.
 *
 * @throws SlipwayError RELEASE_UNKNOWN, TOOL_MISSING, TOOL_FAILED with mmdebstrap's last words, IO_FAILED
 */
export async function buildBaseImage(options: BaseImageOptions): Promise<BaseImage> {
  const work = operation(options);
  const recipe = baseRecipe(options.release);
  await using temporary = await makeTempDir('base');
  const inputs = await gatherInputs(options, recipe, temporary.path, work);
  await makeTree(inputs, work);
  return await packTree(inputs, options, work);
}

interface Inputs {
  readonly plan: TreePlan;
  readonly files: readonly ImageFile[];
  readonly epochSec: number;
}

/** Everything decided and readable before the slow part starts. */
async function gatherInputs(
  options: BaseImageOptions,
  recipe: BaseRecipe,
  directory: string,
  work: Operation,
): Promise<Inputs> {
  await requireFile(options.slipwayBinary);
  const files = await listImageFiles(options.osDir);
  const apt = await readAptSettings(work);
  const epochSec = options.sourceDateEpoch ?? environmentEpoch() ?? (await suiteEpoch({ recipe, apt }, work));
  const overlayArchive = join(directory, 'overlay.tar');
  await writeTarFile(overlayArchive, writeTar(overlayEntries(files, epochSec)));
  const plan: TreePlan = {
    recipe,
    apt,
    packages: options.packages ?? [],
    dpkgOptions: await dpkgOptions(options.osDir),
    overlayArchive,
    customize: await readFile(join(options.osDir, 'base/customize.sh'), 'utf8'),
    cacheDir: options.cacheDir,
    output: join(directory, 'tree.tar'),
  };
  return { plan, files, epochSec };
}

async function makeTree({ plan, epochSec }: Inputs, work: Operation): Promise<void> {
  const task = startTask(work.progress, 'install Debian packages', 'steps');
  await run(treeCommand(plan), {
    describe: `build Debian ${plan.recipe.release}`,
    env: {
      SOURCE_DATE_EPOCH: String(epochSec),
      // The kernel's own hook would make an initramfs before everything that belongs in it is there.
      INITRD: 'No',
    },
    signal: work.signal,
    log: work.log,
    onLine: (line) => {
      if (line.startsWith('I: ')) task.advance(1);
      work.log.debug(line);
    },
  });
  task.end();
}

async function packTree(inputs: Inputs, options: BaseImageOptions, work: Operation): Promise<BaseImage> {
  const { plan, files, epochSec } = inputs;
  const slipwayPaths = new Set([SLIPWAY_PATH, ...files.map((file) => file.target)]);
  const facts: TreeFacts = { kernelVersion: undefined, initramfsBytes: 0, hasBootc: false };
  const layer = (name: BaseLayer): ByteStream =>
    writeTar(
      name === 'slipway'
        ? slipwayEntries(files, options.slipwayBinary, Math.min(epochSec, VERSION_SEC), facts)
        : treeEntries(plan.output, { name, slipwayPaths, epochSec, facts }),
    );
  const built = await writeImage(
    {
      reference: options.output,
      layers: BASE_LAYERS.map((name) => ({ name, tar: () => layer(name) })),
      architecture: 'amd64',
      createdSec: epochSec,
      labels: {
        'containers.bootc': '1',
        'org.opencontainers.image.title': `Debian ${plan.recipe.version} (${plan.recipe.release})`,
        'org.opencontainers.image.version': plan.recipe.version,
      },
    },
    work,
  );
  if (facts.kernelVersion === undefined || facts.initramfsBytes === 0) {
    throw new SlipwayError(
      'BUILD_FAILED',
      'cannot build the base image: it came out without a kernel and initramfs',
    );
  }
  return {
    ...built,
    release: plan.recipe.release,
    kernelVersion: facts.kernelVersion,
    initramfsBytes: facts.initramfsBytes,
    sourceDateEpoch: epochSec,
  };
}

/** Noticed while the tree goes by. */
interface TreeFacts {
  kernelVersion: string | undefined;
  initramfsBytes: number;
  /** A package brought its own. Known once the layer of the system is written, which is the first. */
  hasBootc: boolean;
}

interface LayerPass {
  readonly name: BaseLayer;
  readonly slipwayPaths: ReadonlySet<string>;
  readonly epochSec: number;
  readonly facts: TreeFacts;
}

async function* treeEntries(archive: string, pass: LayerPass): AsyncGenerator<TarInput, void, undefined> {
  for await (const member of readTar(createReadStream(archive, { highWaterMark: 1 << 20 }))) {
    const entry = layerEntry(member, pass.epochSec);
    if (entry === undefined || layerOf(entry.path.replace(/\/$/, ''), pass.slipwayPaths) !== pass.name)
      continue;
    if (entry.path === BOOTC_PATH) pass.facts.hasBootc = true;
    const initramfs = /^usr\/lib\/modules\/(?<version>[^/]+)\/initramfs\.img$/.exec(entry.path);
    if (initramfs?.groups !== undefined) {
      pass.facts.kernelVersion = initramfs.groups['version'];
      pass.facts.initramfsBytes = entry.sizeBytes;
    }
    yield entry;
  }
}

/**
 * Not taken from the tree, where mmdebstrap has its own idea of some of these files; and not dated as the rest: a layer nothing changed in
 * but the day Debian last published would be fetched again by every host.
 */
async function* slipwayEntries(
  files: readonly ImageFile[],
  binary: string,
  epochSec: number,
  { hasBootc }: TreeFacts,
): AsyncGenerator<TarInput, void, undefined> {
  for await (const entry of overlayEntries(files, epochSec)) {
    if (entry.kind === 'file') yield entry;
  }
  const { size } = await stat(binary);
  yield regularFile(SLIPWAY_PATH, 0o755, size, epochSec, createReadStream(binary));
  if (hasBootc) return;
  const link = regularFile(BOOTC_PATH, 0o777, 0, epochSec, []);
  yield { ...link, kind: 'symlink', linkTarget: basename(SLIPWAY_PATH) };
}

async function* overlayEntries(
  files: readonly ImageFile[],
  epochSec: number,
): AsyncGenerator<TarInput, void, undefined> {
  const directories = new Set<string>();
  for (const { source, target, mode } of files) {
    for (const directory of parentsOf(target)) {
      if (directories.has(directory)) continue;
      directories.add(directory);
      yield { ...regularFile(`${directory}/`, 0o755, 0, epochSec, []), kind: 'directory' };
    }
    const body = await readFile(source);
    yield regularFile(target, mode, body.length, epochSec, [body]);
  }
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function regularFile(
  path: string,
  mode: number,
  sizeBytes: number,
  mtimeSec: number,
  body: ByteStream | Iterable<Uint8Array>,
): TarInput {
  return {
    kind: 'file',
    path,
    linkTarget: '',
    mode,
    uid: 0,
    gid: 0,
    sizeBytes,
    mtimeSec,
    mtimeNsec: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
    body,
  };
}

async function dpkgOptions(osDir: string): Promise<readonly string[]> {
  const text = await readFile(join(osDir, 'etc/dpkg/dpkg.cfg.d/50-slipway-small'), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

async function suiteEpoch(plan: Pick<TreePlan, 'recipe' | 'apt'>, work: Operation): Promise<number> {
  const { stdout, stderr } = await run(suiteDatesCommand(plan), {
    describe: `find out when Debian ${plan.recipe.release} was last changed`,
    signal: work.signal,
    log: work.log,
  });
  const date = newestSuiteDate(`${stdout.toString('utf8')}\n${stderr}`);
  if (date === undefined) {
    throw new SlipwayError(
      'BUILD_FAILED',
      'cannot build the base image: the Debian mirror gives no publication date',
      {
        hint: 'set SOURCE_DATE_EPOCH',
      },
    );
  }
  return date;
}

function environmentEpoch(): number | undefined {
  const text = process.env['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,12}$/.test(text)) {
    throw new SlipwayError(
      'USAGE',
      `cannot use SOURCE_DATE_EPOCH=${JSON.stringify(text)}: it is not a number of seconds`,
    );
  }
  return Number(text);
}

async function requireFile(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot read the slipway executable ${path}`, {
      hint: 'build it: make sea',
      cause,
    });
  }
  throw new SlipwayError('IO_FAILED', `cannot use ${path} as the slipway executable: it is not a file`);
}
