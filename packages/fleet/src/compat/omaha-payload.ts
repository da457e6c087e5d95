import { messageOf } from '@slipway/core';
import type { FleetSpec, ReleaseSpec } from '@slipway/fleet-api';
import type { StoredResource } from '../resources/resource-store.ts';
import { loadReleases, type StreamReleases } from '../rollouts/engine-releases.ts';
import { clientFleet } from './client.ts';
import type { CompatAnswer, CompatCall } from './compat-route.ts';
import { refusal } from './http.ts';
import type { OmahaUpdate } from './omaha/format.ts';

/** Below `/compat/{token}`: fleet, release, architecture, and the name of the file. */
export const PAYLOAD_PATH = '/omaha/v1/payload/:fleet/:release/:architecture/:file';

/** What a file is called whose maker gave it no name that is fit for a path. */
const UNNAMED = 'update.gz';

/** A release somebody is sent to. */
export interface PayloadOf {
  readonly fleet: StoredResource<FleetSpec>;
  readonly release: string;
  readonly spec: ReleaseSpec;
  readonly architecture: string;
}

/** The update a release has for an architecture; undefined where it has none, or the file is not to be had. */
export async function payloadOf(
  call: CompatCall,
  { fleet, release, spec, architecture }: PayloadOf,
): Promise<OmahaUpdate | undefined> {
  const payload = spec.images.find((image) => image.architecture === architecture)?.payload;
  if (payload === undefined) return undefined;
  const { version } = spec;
  if ('url' in payload) {
    const slash = payload.url.lastIndexOf('/') + 1;
    return {
      version,
      codebase: payload.url.slice(0, slash),
      packageName: payload.url.slice(slash),
      sizeBytes: payload.sizeBytes,
      sha1: base64(payload.sha1),
      sha256: base64(payload.sha256.replace(/^sha256:/, '')),
    };
  }
  const { client, registry, services, base } = call;
  try {
    const found = await registry?.payloads.findWithHashes(client.identity.organisation, payload.artifact);
    if (found === undefined)
      throw new Error(registry === undefined ? 'this server has no registry' : 'it is not in the registry');
    const path = [fleet.metadata.name, release, architecture].map(encodeURIComponent).join('/');
    return {
      version,
      codebase: `${base}/omaha/v1/payload/${path}/`,
      packageName: found.file.title ?? UNNAMED,
      sizeBytes: found.sizeBytes,
      sha1: base64(found.sha1),
      sha256: base64(found.sha256),
    };
  } catch (error) {
    // The client understands an update or none; a person has to look.
    services.log.warn('cannot give out the payload of a release', {
      release,
      artifact: payload.artifact,
      reason: messageOf(error),
    });
    return undefined;
  }
}

/** Answers with the file of a release the fleet of the client may come to, or a range of it. */
export async function sendPayload(call: CompatCall): Promise<CompatAnswer> {
  const { client, services, params, registry } = call;
  const { organisation } = client.identity;
  const { fleet: fleetName = '', release = '', architecture = '', file: name = '' } = params;
  const fleet = await clientFleet(services.database.reads, client, fleetName);
  const target = fleet?.spec.release;
  if (fleet?.metadata.name !== fleetName || target === undefined) return missing();
  const spec = visible(await loadReleases(services.database.reads, organisation, target), target, release);
  const payload = spec?.images.find((image) => image.architecture === architecture)?.payload;
  if (registry === undefined || payload === undefined || 'url' in payload) return missing();
  const file = await registry.payloads.find(organisation, payload.artifact);
  if (file === undefined || name !== (file.title ?? UNNAMED)) return missing();
  return { send: async (request, response) => await registry.sendFile(file, request, response) };
}

/** A release on the way to the one a fleet wants. A pause does not cut a download that was let begin; withdrawing the release does. */
function visible({ graph, specs }: StreamReleases, target: string, release: string): ReleaseSpec | undefined {
  const [to, place] = [graph.byVersion.get(target), graph.byVersion.get(release)];
  const spec = specs.get(release);
  return to === undefined || place === undefined || place > to || spec?.withdrawn !== undefined
    ? undefined
    : spec;
}

function missing(): CompatAnswer {
  return refusal(404, 'unknown_payload', 'there is no such file for this token');
}

function base64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}
