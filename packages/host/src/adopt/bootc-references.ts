/** Names bootc gives the manifests of its deployments in the object store, which keep them and their layers. */
import { manifestStreamName, type Repository, type StreamReference } from '@slipway/composefs';

/** As composefs-rs writes the tag `localhost/bootc-<digest>` as a file name. */
const PREFIX = 'oci/localhost%2Fbootc-';

/** What bootc calls a manifest. */
export function bootcReference(manifestDigest: string): StreamReference {
  return { name: `${PREFIX}${manifestDigest}`, target: manifestStreamName(manifestDigest) };
}

/** Those that are there, of the wanted kind. */
export function bootcReferences(
  { streamRefs }: Repository,
  isWanted: (reference: StreamReference) => boolean,
): readonly StreamReference[] {
  return streamRefs.list().filter((reference) => reference.name.startsWith(PREFIX) && isWanted(reference));
}
