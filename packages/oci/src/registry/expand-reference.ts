import { isSlipwayError, type OperationOptions, SlipwayError } from '@slipway/core';
import {
  formatReference,
  parseReference,
  parseShortName,
  type Reference,
  type ShortName,
} from '../reference.ts';
import { loadShortNames, type ShortNames } from './short-names.ts';
import { type RegistryOptions, registrySource } from './source.ts';

/** Options of {@link expandReference}. */
export interface ExpandOptions extends RegistryOptions, OperationOptions {
  /** Reads what short names mean. Default: from this machine's registries.conf. */
  readonly shortNames?: () => Promise<ShortNames>;
  /** Asks a place a name could mean, and throws when it has nothing there. Default: whether the image is there. */
  readonly probe?: (reference: Reference) => Promise<unknown>;
}

/**
 * Reads a reference as a person types it: like {@link parseReference}, and a name without a registry means what the aliases of
 * registries.conf say, else the first of its `unqualified-search-registries` that has it. One place a name can mean is taken unasked;
 * with several, each is asked in the order of the file, unless `short-name-mode` is `enforcing`: nobody is there to choose, so nothing is.
 *
 * What comes back has its registry: whoever remembers it never looks the name up again.
 *
 * @throws SlipwayError OCI_REFERENCE_INVALID, OCI_REGISTRIES_CONF_INVALID, and when none has it, what kept the first from it, all named
 */
export async function expandReference(text: string, options: ExpandOptions = {}): Promise<Reference> {
  const short = parseShortName(text);
  if (short === undefined) return parseReference(text);
  const names = await (options.shortNames ?? loadShortNames)();
  const [first, ...others] = candidates(short, names).map(parseReference);
  if (first === undefined) return parseReference(text);
  if (others.length === 0) return first;
  if (names.mode === 'enforcing') throw ambiguous(text, [first, ...others]);
  return await firstThere(text, [first, ...others], options);
}

function candidates({ name, suffix }: ShortName, { aliases, search }: ShortNames): readonly string[] {
  const alias = aliases.get(name);
  return alias === undefined
    ? search.map((registry) => `${registry}/${name}${suffix}`)
    : [`${alias}${suffix}`];
}

/** An answer that is no answer, such as that of a registry that is down, is passed over too, as podman does. */
async function firstThere(
  text: string,
  references: readonly Reference[],
  options: ExpandOptions,
): Promise<Reference> {
  const { probe = (reference) => askForImage(reference, options), log, signal } = options;
  const failures: SlipwayError[] = [];
  for (const reference of references) {
    try {
      await probe(reference);
      log?.info('took a name without a registry for', { name: text, image: formatReference(reference) });
      return reference;
    } catch (failure) {
      signal?.throwIfAborted();
      if (!isSlipwayError(failure)) throw failure;
      failures.push(failure);
    }
  }
  throw nowhere(text, references, failures);
}

async function askForImage(reference: Reference, options: ExpandOptions): Promise<void> {
  if (reference.kind !== 'registry') return;
  await using source = registrySource(reference, options);
  // A digest in the reference is known without asking anybody.
  if (reference.digest === undefined) await source.resolveDigest(options);
  else await source.readDocument(undefined, options);
}

function ambiguous(text: string, references: readonly Reference[]): SlipwayError {
  return new SlipwayError(
    'OCI_REFERENCE_INVALID',
    `cannot use ${JSON.stringify(text)} as an image reference: registries.conf lists several registries to search, and its short-name-mode is enforcing`,
    { hint: `write which one is meant: ${references.slice(0, 10).map(formatReference).join(', ')}` },
  );
}

/** The code is that of the first whose trouble is another than not to have it: that may be the one that does. */
function nowhere(
  text: string,
  references: readonly Reference[],
  failures: readonly SlipwayError[],
): SlipwayError {
  const telling = failures.find(({ code }) => code !== 'OCI_NOT_FOUND');
  const tried = references.map(
    (reference, index) => `${formatReference(reference)} (${failures[index]?.message ?? 'not asked'})`,
  );
  return new SlipwayError(
    telling?.code ?? 'OCI_NOT_FOUND',
    `cannot find ${JSON.stringify(text)} in any registry that registries.conf lists: tried ${tried.join(', ')}`,
    {
      hint: 'write it with its registry, HOST/NAME:TAG, or change unqualified-search-registries in registries.conf',
      cause: telling ?? failures[0],
    },
  );
}
