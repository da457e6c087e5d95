import { chmod, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileDurably } from '@slipway/boot';
import { errnoOf, SlipwayError } from '@slipway/core';
import type { DesiredState } from '@slipway/fleet-api';
import type { AgentFiles } from '../record/agent-files.ts';

/** A file as it was; null: there was none. */
interface Original {
  readonly path: string;
  readonly was: { readonly mode: number; readonly contentBase64: string } | null;
}

/** What the fleet put here, and what was in its place before. */
interface Applied {
  readonly digest: string | null;
  readonly originals: readonly Original[];
}

/** A change that may still be taken back. */
interface Pending {
  readonly before: Applied;
  readonly files: readonly Original[];
}

interface PlacedFile {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
}

const APPLIED = 'config.json';
const PENDING = 'config-pending.json';
const QUADLETS = '/etc/containers/systemd';
const ALLOWED = /^\/(?:etc|var)\/(?!(?:.*\/)?\.{1,2}(?:\/|$))[^\0]+$/;
const NOTHING: Applied = { digest: null, originals: [] };

/**
 * Files a fleet puts on a host. Before the first is touched it is on disk what all of them were, so that a power cut anywhere leaves
 * a change that is finished or taken back by the next start.
 */
export class HostConfiguration {
  readonly #files: AgentFiles;
  readonly #root: string;

  /** @param root `/`, except in tests */
  constructor(files: AgentFiles, root: string) {
    this.#files = files;
    this.#root = root;
  }

  async digest(): Promise<string | null> {
    return (await this.#applied()).digest;
  }

  /** @throws SlipwayError AGENT_FILE_REFUSED before anything is written */
  async apply(config: DesiredState['config']): Promise<void> {
    const placed = filesOf(config);
    for (const { path } of placed) checkPath(path);
    const before = await this.#applied();
    const paths = new Set([...before.originals, ...placed].map(({ path }) => path));
    const files = await Promise.all([...paths].map((path) => this.#original(path)));
    await this.#files.writeJson(PENDING, { before, files } satisfies Pending);
    const kept = new Set(placed.map(({ path }) => path));
    // What the fleet no longer wants becomes what it was before the fleet came.
    for (const original of before.originals) if (!kept.has(original.path)) await this.#restore(original);
    for (const file of placed) await this.#write(file);
    const known = new Map([...files, ...before.originals].map((original) => [original.path, original]));
    const originals = placed.flatMap(({ path }) => known.get(path) ?? []);
    await this.#files.writeJson(APPLIED, { digest: config.digest, originals } satisfies Applied);
  }

  /** The change stays. */
  async keep(): Promise<void> {
    await this.#files.remove(PENDING);
  }

  /** Everything as before the change; done twice it does no more. */
  async revert(): Promise<void> {
    const pending = (await this.#files.readJson(PENDING)) as Pending | undefined;
    if (pending === undefined) return;
    for (const original of pending.files) await this.#restore(original);
    await this.#files.writeJson(APPLIED, pending.before);
    await this.#files.remove(PENDING);
  }

  /** Everything as it was before the fleet came. */
  async clear(): Promise<void> {
    await this.revert();
    await this.apply({ digest: null, files: [], apps: [], trySeconds: null });
    await this.keep();
    await this.#files.remove(APPLIED);
  }

  async #applied(): Promise<Applied> {
    return ((await this.#files.readJson(APPLIED)) as Applied | undefined) ?? NOTHING;
  }

  async #original(path: string): Promise<Original> {
    const place = join(this.#root, path);
    try {
      const [{ mode }, content] = [await stat(place), await readFile(place)];
      return { path, was: { mode: mode & 0o7777, contentBase64: content.toString('base64') } };
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return { path, was: null };
      throw thrown;
    }
  }

  async #restore({ path, was }: Original): Promise<void> {
    if (was === null) await rm(join(this.#root, path), { force: true });
    else await this.#write({ path, mode: was.mode, content: Buffer.from(was.contentBase64, 'base64') });
  }

  async #write({ path, mode, content }: PlacedFile): Promise<void> {
    const place = join(this.#root, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFileDurably(place, content, mode);
    // Whatever the umask is.
    await chmod(place, mode);
  }
}

function filesOf({ files, apps }: DesiredState['config']): readonly PlacedFile[] {
  return [
    ...files.map(({ path, mode, contentBase64 }) => ({
      path,
      mode: Number.parseInt(mode, 8),
      content: Buffer.from(contentBase64, 'base64'),
    })),
    ...apps.map(({ name, quadlet }) => ({
      path: `${QUADLETS}/${/\.[a-z]+$/.test(name) ? name : `${name}.container`}`,
      mode: 0o644,
      content: Buffer.from(quadlet),
    })),
  ];
}

/** A server that was taken over should not be able to replace the key of this host or leave these two places. */
function checkPath(path: string): void {
  if (ALLOWED.test(path) && !path.startsWith('/var/lib/slipway/')) return;
  throw new SlipwayError('AGENT_FILE_REFUSED', `cannot write ${JSON.stringify(path)} for the fleet`, {
    hint: 'files of a fleet are below /etc or /var',
  });
}
