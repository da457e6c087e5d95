import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSlipwayError, makeTempDir, type RunResult, run, SlipwayError } from '@slipway/core';
import type { GitRepositorySpec } from '@slipway/fleet-api';
import type { OutboundGuard } from '../outbound/outbound-guard.ts';
import { environmentOf } from './git-environment.ts';
import { isResourceFile } from './parse-resources.ts';

/** A file of a repository, by its path from the folder that is read. */
export interface GitFile {
  readonly name: string;
  readonly text: string;
}

interface GitEntry {
  readonly name: string;
  readonly object: string;
  readonly size: number;
}

const TIMEOUT_MS = 120_000;
/** Of one file git writes (a pack), and of all files that are read. */
const MAX_PACK_BYTES = 64 * 2 ** 20;
const MAX_MEMORY_BYTES = 2 * 2 ** 30;
const MAX_TEXT_BYTES = 16 * 2 ** 20;
const MAX_ENTRIES = 10_000;
const MAX_FILES = 1000;
const MAX_MESSAGE_LENGTH = 500;

/**
 * A repository on a server, read by git itself into a directory of its own. Nothing of it is ever checked out, so neither hooks nor
 * filters nor symbolic links of it mean anything; git reaches only the addresses the guard looked up, follows no redirection, and runs
 * under limits of memory and of what it writes.
 */
export class GitReader implements AsyncDisposable {
  readonly #spec: GitRepositorySpec;
  readonly #directory: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    spec: GitRepositorySpec,
    directory: string,
    env: Readonly<Record<string, string>>,
    signal: AbortSignal,
    resources: AsyncDisposableStack,
  ) {
    this.#spec = spec;
    this.#directory = directory;
    this.#env = env;
    this.#signal = signal;
    this.#resources = resources;
  }

  /**
   * @param token password or token of the user of the repository
   * @throws SlipwayError FLEET_ADDRESS_REFUSED, FLEET_UNREACHABLE, TOOL_MISSING
   */
  static async open(
    spec: GitRepositorySpec,
    token: string | null,
    guard: OutboundGuard,
    ending: AbortSignal,
  ): Promise<GitReader> {
    const { host, port, addresses } = await guard.resolve(spec.url);
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await makeTempDir('git'));
    const signal = AbortSignal.any([ending, AbortSignal.timeout(TIMEOUT_MS)]);
    const config: [string, string][] = [
      ['http.curloptResolve', `${host}:${port}:${addresses.map(bracketed).join(',')}`],
      ['http.followRedirects', 'false'],
      ['http.proxy', ''],
      ['http.lowSpeedLimit', '1000'],
      ['http.lowSpeedTime', '30'],
      ['protocol.version', '2'],
      ['transfer.fsckObjects', 'true'],
      ['pack.threads', '1'],
      ['core.quotePath', 'false'],
      ['gpg.format', 'ssh'],
      ['gpg.ssh.allowedSignersFile', join(path, 'signers')],
      // Signatures of other kinds would be looked up among the keys of whoever runs the server.
      ['gpg.program', '/bin/false'],
      ['gpg.x509.program', '/bin/false'],
    ];
    const authorities: Record<string, string> = {};
    if (spec.caCertificate !== undefined) {
      await writeFile(join(path, 'ca.pem'), spec.caCertificate);
      // The environment of the server may name others, and would win over a setting.
      authorities['GIT_SSL_CAINFO'] = join(path, 'ca.pem');
    }
    if (token !== null) {
      const basic = Buffer.from(`${spec.user ?? 'git'}:${token}`).toString('base64');
      config.push(['http.extraHeader', `Authorization: Basic ${basic}`]);
    }
    const env = { ...environmentOf(path, config), ...authorities };
    const reader = new GitReader(spec, path, env, signal, resources.move());
    await reader.#git('make a place for git', ['init', '--quiet', '--bare', '--template=']);
    return reader;
  }

  /**
   * The newest commit of the branch.
   *
   * @throws SlipwayError FLEET_GIT_FAILED
   */
  async head(): Promise<string> {
    const { url, branch } = this.#remote();
    const { stdout } = await this.#git(`look at ${url}`, ['ls-remote', '--refs', url, branch]);
    const line = stdout.toString('latin1').split('\n')[0] ?? '';
    const [commit = '', name] = line.split('\t');
    if (name === branch && isObjectName(commit)) return commit;
    throw failed(`cannot find the branch ${this.#spec.branch ?? 'main'} in ${url}`);
  }

  /**
   * The files of a commit that hold resources, once it is known to be signed where it must be.
   *
   * @throws SlipwayError FLEET_GIT_FAILED
   */
  async files(): Promise<{ readonly commit: string; readonly files: readonly GitFile[] }> {
    const commit = await this.#fetch();
    const entries = await this.#list(commit, isResourceFile);
    const bodies = await this.#bodies(entries);
    return {
      commit,
      files: entries.map(({ name }, index) => ({ name, text: bodies[index]?.toString('utf8') ?? '' })),
    };
  }

  /**
   * Files of a commit by their paths from the folder that is read; what is none, as a link, is left out.
   *
   * @throws SlipwayError FLEET_GIT_FAILED
   */
  async contents(
    names: readonly string[],
  ): Promise<{ readonly commit: string; readonly contents: ReadonlyMap<string, Buffer> }> {
    const commit = await this.#fetch();
    const wanted = new Set(names);
    const entries = await this.#list(commit, (name) => wanted.has(name));
    const bodies = await this.#bodies(entries);
    const contents = new Map<string, Buffer>();
    for (const [index, { name }] of entries.entries()) {
      const body = bodies[index];
      if (body !== undefined) contents.set(name, body);
    }
    return { commit, contents };
  }

  async #fetch(): Promise<string> {
    const { url, branch } = this.#remote();
    await this.#git(`fetch ${url}`, [
      'fetch',
      '--quiet',
      '--depth=1',
      '--no-tags',
      '--no-recurse-submodules',
      '--no-auto-maintenance',
      url,
      `+${branch}:refs/heads/read`,
    ]);
    const { stdout } = await this.#git('read a commit', [
      'rev-parse',
      '--verify',
      'refs/heads/read^{commit}',
    ]);
    const commit = stdout.toString('latin1').trim();
    await this.#verify(commit);
    return commit;
  }

  async #verify(commit: string): Promise<void> {
    const { signers } = this.#spec;
    if (signers === undefined) return;
    const allowed = signers.map((key) => `git namespaces="git" ${key}\n`).join('');
    await writeFile(join(this.#directory, 'signers'), allowed);
    const { exitCode } = await this.#git('check a signature', ['verify-commit', commit], [1, 128]);
    if (exitCode !== 0)
      throw failed(`cannot use the commit ${commit}: it is not signed by any of the signers`);
  }

  async #bodies(entries: readonly GitEntry[]): Promise<readonly Buffer[]> {
    const bytes = entries.reduce((sum, { size }) => sum + size, 0);
    if (entries.length > MAX_FILES || bytes > MAX_TEXT_BYTES) {
      throw failed(`cannot read more than ${MAX_FILES} files, or ${MAX_TEXT_BYTES} bytes, of a repository`);
    }
    if (entries.length === 0) return [];
    const input = entries.map(({ object }) => `${object}\n`).join('');
    const { stdout } = await this.#git('read files', ['cat-file', '--batch'], [], { input });
    let at = 0;
    return entries.map(({ name, object, size }) => {
      const header = `${object} blob ${size}\n`;
      const start = at + header.length;
      if (stdout.toString('latin1', at, start) !== header) throw failed(`cannot read ${name}`);
      at = start + size + 1;
      return stdout.subarray(start, start + size);
    });
  }

  /** Files that are wanted, in the order of their names; links and submodules are none. */
  async #list(commit: string, isWanted: (name: string) => boolean): Promise<readonly GitEntry[]> {
    // A tree may hold the same tree a thousand times, and that one another: what it unfolds to has no end.
    const tooMany = new AbortController();
    let lines = 0;
    const onLine = (): void => {
      lines += 1;
      if (lines > MAX_ENTRIES) tooMany.abort();
    };
    let listed: RunResult;
    try {
      const tree = `${commit}:${this.#spec.path ?? ''}`;
      const signal = AbortSignal.any([tooMany.signal, this.#signal]);
      listed = await this.#git('list files', ['ls-tree', '-r', '-l', tree], [], { onLine, signal });
    } catch (error) {
      if (tooMany.signal.aborted) throw failed(`cannot read a repository of more than ${MAX_ENTRIES} files`);
      if (this.#spec.path !== undefined && isSlipwayError(error, 'FLEET_GIT_FAILED'))
        throw failed(`cannot find the folder ${this.#spec.path} in the commit ${commit}`);
      throw error;
    }
    return listed.stdout
      .toString('utf8')
      .split('\n')
      .flatMap((line) => {
        const [, object = '', size = '', name = ''] =
          /^100(?:644|755) blob ([0-9a-f]+) +(\d+)\t([^"].*)$/.exec(line) ?? [];
        return isWanted(name) ? [{ name, object, size: Number(size) }] : [];
      });
  }

  #remote(): { readonly url: string; readonly branch: string } {
    return { url: new URL(this.#spec.url).href, branch: `refs/heads/${this.#spec.branch ?? 'main'}` };
  }

  async #git(
    describe: string,
    args: readonly string[],
    allowExitCodes: readonly number[] = [],
    options: { readonly input?: string; readonly onLine?: () => void; readonly signal?: AbortSignal } = {},
  ): Promise<RunResult> {
    const limits = [`--as=${MAX_MEMORY_BYTES}`, `--fsize=${MAX_PACK_BYTES}`, '--core=0'];
    try {
      return await run(['prlimit', ...limits, 'git', ...args], {
        describe,
        env: this.#env,
        cwd: this.#directory,
        signal: this.#signal,
        allowExitCodes,
        debianPackage: 'git',
        ...options,
      });
    } catch (error) {
      if (!isSlipwayError(error, 'TOOL_FAILED') && !isSlipwayError(error, 'ABORTED')) throw error;
      throw failed(`cannot ${describe}: ${reasonOf(error.message)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function isObjectName(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** The last line git printed. Some of it may come from a server nobody trusts. */
function reasonOf(message: string): string {
  const line = message.trimEnd().split('\n').at(-1) ?? '';
  return line.replaceAll(/\p{Cc}/gu, ' ').slice(0, MAX_MESSAGE_LENGTH);
}

function failed(message: string): SlipwayError {
  return new SlipwayError('FLEET_GIT_FAILED', message);
}
