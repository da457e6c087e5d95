import { isSlipwayError, type OperationOptions, run, SlipwayError } from '@slipway/core';

/**
 * Copies between the store of podman and buildah and an OCI layout. `skopeo` does it: locks, drivers and the way a layer is put
 * together again from files belong to containers/storage, and reading beside it while podman writes would be wrong.
 *
 * @throws SlipwayError OCI_NOT_FOUND, TOOL_MISSING, TOOL_FAILED, ABORTED
 */
export async function skopeoCopy(
  copy: { readonly from: string; readonly to: string; readonly describe: string },
  options: OperationOptions,
): Promise<void> {
  // Layers lie there unpacked; packing them would cost minutes and be undone at once.
  const argv = ['skopeo', 'copy', '--quiet', '--dest-oci-accept-uncompressed-layers'] as const;
  try {
    await run([...argv, copy.from, copy.to], {
      describe: copy.describe,
      debianPackage: 'skopeo',
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.log === undefined ? {} : { log: options.log }),
    });
  } catch (cause) {
    if (!isSlipwayError(cause, 'TOOL_FAILED') || !NO_SUCH_IMAGE.test(cause.message)) throw cause;
    throw new SlipwayError('OCI_NOT_FOUND', `cannot ${copy.describe}: it has no image of that name`, {
      hint: 'podman images lists what is there; each user has a store of their own',
      cause,
    });
  }
}

/** How containers/storage says it, in any of its versions. */
const NO_SUCH_IMAGE = /does not resolve to an image ID|identifier is not an image|image not known/;
