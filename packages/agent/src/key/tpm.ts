import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempDir, run, SlipwayError } from '@slipway/core';

/** A secret only the TPM that sealed it can give back: two blobs (TPM 2.0 Library, part 1, "Sealed Data Object"). */
export interface SealedSecret {
  /** TPM2B_PUBLIC, base64. */
  readonly public: string;
  /** TPM2B_PRIVATE, encrypted by the TPM, base64. */
  readonly private: string;
}

/** The kernel's own resource manager: nobody gets in the way of others there. */
const DEVICE = '/dev/tpmrm0';
const BY_DEVICE = `device:${DEVICE}`;
const MAX_SECRET_BYTES = 128;
/** It leaves neither this TPM nor its parent, needs no password, and no wrong one locks others out. */
const ATTRIBUTES = 'fixedtpm|fixedparent|userwithauth|noda';

/** The TPM of this host, by tpm2-tools. */
export class Tpm {
  readonly #tcti: string;

  /** @param tcti how it is reached, as tpm2-tools write it; undefined: by the kernel */
  constructor(tcti: string | undefined = process.env['TPM2TOOLS_TCTI']) {
    this.#tcti = tcti === undefined || tcti === '' ? BY_DEVICE : tcti;
  }

  /** Whether the host has one. */
  async isThere(): Promise<boolean> {
    if (this.#tcti !== BY_DEVICE) return true;
    try {
      await access(DEVICE);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Seals a secret to this TPM. Nothing of it stays in the TPM: what is returned is all there is.
   *
   * @throws SlipwayError TOOL_MISSING, TOOL_FAILED
   */
  async seal(secret: Uint8Array): Promise<SealedSecret> {
    if (secret.length > MAX_SECRET_BYTES) throw new RangeError('a TPM seals 128 bytes at most');
    return await this.#withParent(async (directory, parent) => {
      const [open, sealed] = [join(directory, 'public'), join(directory, 'private')];
      const out = ['-u', open, '-r', sealed];
      // By standard input: what is to be sealed never is in a file or an argument.
      const args = ['-C', parent, '-g', 'sha256', '-a', ATTRIBUTES, '-i', '-', ...out];
      await this.#tool('tpm2_create', args, secret);
      return { public: await readFile(open, 'base64'), private: await readFile(sealed, 'base64') };
    });
  }

  /**
   * The secret, in memory alone.
   *
   * @throws SlipwayError TOOL_MISSING; TOOL_FAILED also where it is not the TPM that sealed it, or that was cleared
   */
  async unseal(sealed: SealedSecret): Promise<Buffer> {
    return await this.#withParent(async (directory, parent) => {
      const paths = { public: join(directory, 'public'), private: join(directory, 'private') };
      const loaded = join(directory, 'loaded');
      await writeFile(paths.public, sealed.public, 'base64');
      await writeFile(paths.private, sealed.private, 'base64');
      await this.#tool('tpm2_load', ['-C', parent, '-u', paths.public, '-r', paths.private, '-c', loaded]);
      return await this.#tool('tpm2_unseal', ['-c', loaded]);
    });
  }

  /** The parent is made anew each time: of the same TPM it is always the same, until somebody clears it. */
  async #withParent<Result>(work: (directory: string, parent: string) => Promise<Result>): Promise<Result> {
    await using directory = await makeTempDir('tpm');
    const parent = join(directory.path, 'parent');
    await this.#tool('tpm2_createprimary', ['-C', 'o', '-g', 'sha256', '-G', 'ecc', '-c', parent]);
    return await work(directory.path, parent);
  }

  async #tool(program: string, args: readonly string[], input?: Uint8Array): Promise<Buffer> {
    const options = {
      describe: 'use the TPM of this host',
      env: { TPM2TOOLS_TCTI: this.#tcti },
      debianPackage: 'tpm2-tools',
    };
    const { stdout } = await run([program, ...args], {
      ...options,
      ...(input === undefined ? {} : { input }),
    });
    // Who reaches a TPM past the resource manager of the kernel has to tidy up: it holds three objects.
    if (this.#tcti !== BY_DEVICE) await run(['tpm2_flushcontext', '-t'], options);
    return stdout;
  }
}

/** Why a TPM cannot be had, for who insists on one. */
export function noTpm(): SlipwayError {
  return new SlipwayError(
    'AGENT_KEY_UNUSABLE',
    `cannot keep the key of this host in its TPM: there is no ${DEVICE}`,
    {
      hint: 'give the host a TPM 2.0, or write device-key = "file" into agent.toml',
    },
  );
}
