import type { TestHost } from '../../tests/harness/host.ts';

/** What one boot of the host brought up, as the host itself says. */
export interface Boot {
  readonly boot: number;
  readonly version: string;
  readonly deployment: string;
  /** `composefs` when the root is one, else the file system it is. */
  readonly root: string;
  /** `healthy` when every unit came up and the boot was marked good. */
  readonly health: string;
}

/** Asks a host that has just come up. */
export async function observeBoot(host: TestHost, boot = 1): Promise<Boot> {
  const [state = '', mount = '', blessed = ''] = (
    await host.run(
      'systemctl is-system-running --wait; findmnt -no SOURCE,FSTYPE /; systemctl is-active boot-complete.target; true',
    )
  ).split('\n');
  const [source = '', type = ''] = mount.split(/\s+/);
  const { status } = await host.status();
  const isComposefs = type === 'overlay' && source.startsWith('composefs:');
  return {
    boot,
    version: status.booted?.image?.version ?? 'unknown',
    deployment: source.replace(/^composefs:/, ''),
    root: isComposefs ? 'composefs' : type,
    health: state === 'running' && blessed === 'active' ? 'healthy' : `${state}, ${blessed}`,
  };
}

/** The boots as a table for people. */
export function bootTable(boots: readonly Boot[]): string {
  const rows = [
    ['boot', 'version', 'deployment', 'root', 'health'],
    ...boots.map(({ boot, version, deployment, root, health }) => [
      String(boot),
      version,
      deployment.slice(0, 16),
      root,
      health,
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
