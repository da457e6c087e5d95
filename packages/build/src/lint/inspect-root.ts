/** What the root file system of an image says of how it boots. */
import { KARGS, kernelVersions } from './kernel-lints.ts';
import { LintRoot } from './lint-root.ts';

/** The answer of `bootc container inspect`. */
export interface InspectedRoot {
  readonly kargs: readonly string[];
  /** Null for an image that does not boot. */
  readonly kernel: { readonly version: string; readonly unified: boolean } | null;
}

/** What to look at. */
export interface InspectRequest {
  /** The root file system. */
  readonly root: string;
  /** The arguments of one file; throws SlipwayError when it is wrong. */
  readonly readKernelArguments: (text: string, path: string) => readonly string[];
}

const UNIFIED = 'boot/EFI/Linux';

/** Reads kernel arguments and the version of the kernel; a unified one counts before one in `/usr/lib/modules`. */
export async function inspectRoot({ root, readKernelArguments }: InspectRequest): Promise<InspectedRoot> {
  const tree = new LintRoot(root);
  const kargs: string[] = [];
  for (const name of (await tree.names(KARGS)).filter((each) => each.endsWith('.toml'))) {
    const text = await tree.text(`${KARGS}/${name}`);
    if (text !== undefined) kargs.push(...readKernelArguments(text, `/${KARGS}/${name}`));
  }
  const unified = (await tree.names(UNIFIED)).find((name) => name.endsWith('.efi'));
  if (unified !== undefined) {
    return { kargs, kernel: { version: unified.slice(0, -'.efi'.length), unified: true } };
  }
  const [version] = await kernelVersions(tree);
  return { kargs, kernel: version === undefined ? null : { version, unified: false } };
}
