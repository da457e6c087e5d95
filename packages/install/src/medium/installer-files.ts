import type { DiskDirectory, DiskMetadata } from '@slipway/disk';
import { formatLayoutIndex, formatReference, REF_NAME, type ResolvedImage } from '@slipway/oci';
import { bytesFile, directoryBuilder } from '../disk-tree.ts';
import type { FirstDeployment } from '../first-deployment.ts';
import type { MediumRequest } from '../request.ts';
import type { PreparedPayload } from './payload.ts';

/** Where a live system finds the directory these files are in (os/libexec/installer). */
const HERE = '/run/slipway/live/slipway';
const TAG = 'installer';

/**
 * What an installer needs to know of what it installs: the documents of the image, without its layers, for its store has all that is in
 * them; the arguments of `slipway install to-disk`; a file that says what the host becomes. The same of every further payload, in a directory
 * of its name.
 */
export function installerFiles(
  image: ResolvedImage,
  deployment: FirstDeployment,
  request: MediumRequest,
  payloads: readonly PreparedPayload[],
): DiskDirectory {
  const meta: DiskMetadata = { mode: 0o755, uid: 0, gid: 0, mtimeSec: deployment.timeSec, mtimeNsec: 0 };
  const root = directoryBuilder(meta);
  const text = (path: string, content: string | Uint8Array): void => {
    root.put(path, bytesFile(Buffer.from(content), { ...meta, mode: 0o600 }));
  };
  putImage(text, '', image, deployment, request);
  for (const { name, found, host } of payloads)
    putImage(text, `payloads/${name}/`, found.image, host.deployment, request);
  const { installer } = request;
  if (installer !== undefined) text(`config.${installer.kind}`, installer.bytes);
  return root.build();
}

/** One image that can be installed. */
function putImage(
  text: (path: string, content: string | Uint8Array) => void,
  prefix: string,
  { manifest, manifestBytes, configBytes, manifestDigest }: ResolvedImage,
  { title, target }: FirstDeployment,
  { kernelArguments, installer }: MediumRequest,
): void {
  const payload = `${prefix}payload`;
  const blob = (digest: string): string => `${payload}/blobs/${digest.replace(':', '/')}`;
  text(`${payload}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}\n');
  text(
    `${payload}/index.json`,
    formatLayoutIndex({
      fields: { schemaVersion: 2 },
      entries: [
        {
          mediaType: manifest.mediaType,
          digest: manifestDigest,
          size: manifestBytes.length,
          annotations: { [REF_NAME]: TAG },
        },
      ],
    }),
  );
  text(blob(manifestDigest), manifestBytes);
  text(blob(manifest.config.digest), configBytes);
  text(`${prefix}title`, `${title}\n`);
  const lines = [
    '--source-imgref',
    `oci:${HERE}/${payload}:${TAG}`,
    '--target-imgref',
    formatReference(target),
    // Nobody knows whether the machine has a network while it is installed.
    '--skip-fetch-check',
    ...kernelArguments.flatMap((argument) => ['--karg', argument]),
    ...(installer?.isUnattended === true ? ['unattended'] : []),
    ...(installer?.namesDisks === true ? ['disks-named'] : []),
    ...(installer?.finish === undefined ? [] : [`after=${installer.finish}`]),
  ];
  text(`${prefix}arguments`, lines.map((line) => `${line}\n`).join(''));
}
