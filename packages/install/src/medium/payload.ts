/** Images a medium can install besides the one it starts. */
import { type OperationOptions, SlipwayError } from '@slipway/core';
import { type ImageSource, openImage } from '@slipway/oci';
import { type FoundImage, findImage, type PreparedHost, prepareHost } from '../prepare-host.ts';
import type { MediumRequest, Payload } from '../request.ts';

/** A payload whose documents are here. */
export interface FoundPayload extends Payload {
  readonly source: ImageSource;
  readonly found: FoundImage;
}

/** A payload whose files are in the store. */
export interface PreparedPayload extends FoundPayload {
  readonly host: PreparedHost;
}

/** A word a kernel command line and a file name can have. */
const NAME = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;

/**
 * Asks for the payloads of a request, and for who vouches for them.
 *
 * @param stack takes what is opened
 * @throws SlipwayError USAGE for a name that is none, or of two; SIGNATURE_REFUSED, IMAGE_WRONG_ARCHITECTURE, and what the transports throw
 */
export async function findPayloads(
  request: MediumRequest,
  stack: AsyncDisposableStack,
  options: OperationOptions,
): Promise<readonly FoundPayload[]> {
  const payloads = request.payloads ?? [];
  refuseNames(payloads.map(({ name }) => name));
  const found: FoundPayload[] = [];
  for (const payload of payloads) {
    const source = stack.use(openImage(payload.image));
    found.push({
      ...payload,
      source,
      found: await findImage(source, hostRequest(request, payload), options),
    });
  }
  return found;
}

/**
 * Fetches what of the payloads the store has not seen.
 *
 * @throws SlipwayError what {@link prepareHost} throws: a payload that would not boot is refused as the image itself is
 */
export async function preparePayloads(
  payloads: readonly FoundPayload[],
  request: MediumRequest,
  stack: AsyncDisposableStack,
  options: OperationOptions,
): Promise<readonly PreparedPayload[]> {
  const prepared: PreparedPayload[] = [];
  for (const payload of payloads) {
    const { source, found } = payload;
    const host = await prepareHost(source, found, hostRequest(request, payload), options);
    prepared.push({ ...payload, host: stack.use(host) });
  }
  return prepared;
}

/** The host follows what it was installed from; what it becomes besides is up to the installer. */
function hostRequest(request: MediumRequest, { image }: Payload): MediumRequest {
  const { config: _config, payloads: _payloads, ...rest } = request;
  return { ...rest, image, target: image };
}

function refuseNames(names: readonly string[]): void {
  const wrong = names.find((name) => !NAME.test(name));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (wrong === undefined && twice === undefined) return;
  throw new SlipwayError(
    'USAGE',
    wrong === undefined
      ? `cannot name two payloads ${twice}`
      : `cannot name a payload '${wrong}': it is chosen by its name on a kernel command line`,
    { hint: 'give each a name of its own of a-z, 0-9, dots, dashes and underscores: --payload edge=REF' },
  );
}
