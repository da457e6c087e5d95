import { run } from '@slipway/core';
import { startFaultProxy } from './fault-proxy.ts';

/** An update of a host that has one image of a repository and wants the next. */
export interface Update {
  /** `HOST:PORT` of a registry without TLS. */
  readonly registry: string;
  readonly repository: string;
  readonly from: string;
  readonly to: string;
  /** An empty directory; both images are in it afterwards. */
  readonly directory: string;
}

/** Bytes the registry sends for the second image to `skopeo copy`, which knows layers and nothing finer. */
export async function updateCostBytes({
  registry,
  repository,
  from,
  to,
  directory,
}: Update): Promise<number> {
  await using proxy = await startFaultProxy(registry);
  const pull = async (tag: string): Promise<void> => {
    const source = `docker://${proxy.hostPort}/${repository}:${tag}`;
    await run(['skopeo', 'copy', '--quiet', '--src-tls-verify=false', source, `oci:${directory}:${tag}`], {
      describe: `pull ${tag} with skopeo`,
    });
  };
  await pull(from);
  proxy.clear();
  await pull(to);
  return proxy.requests.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
}
