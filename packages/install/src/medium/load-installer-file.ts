import { readFile } from 'node:fs/promises';
import { messageOf, type OperationOptions, operation, SlipwayError } from '@slipway/core';
import { loadConfig } from '../config/load-config.ts';
import type { ImageConfig } from '../config/types.ts';
import { namedDisks } from '../installation/install-disks.ts';
import { kickstartErrors, loadKickstart, problemLine } from '../kickstart/load-kickstart.ts';
import type { KickstartProblem } from '../kickstart/source.ts';
import type { InstallerFile } from '../request.ts';

/**
 * Reads a configuration that goes onto a medium, and checks it as the installer will. Nobody is asked where it says
 * `installer.unattended`.
 *
 * @throws SlipwayError CONFIG_INVALID, IO_FAILED
 */
export async function loadInstallerConfig(path: string): Promise<InstallerFile> {
  const { config } = await loadConfig(path, 'installer');
  const isUnattended = config.customizations?.installer?.unattended === true;
  const kind = path.endsWith('.json') ? 'json' : 'toml';
  return { kind, bytes: await bytesOf(path), isUnattended, namesDisks: namesDisks(config) };
}

/**
 * The same with a kickstart file, which asks nothing: what it makes of a machine goes onto the medium as a configuration.
 *
 * @throws SlipwayError KICKSTART_INVALID with every error of the file, and for scripts, which a medium does not run; IO_FAILED; warnings
 *   are logged
 */
export async function loadInstallerKickstart(
  path: string,
  options: OperationOptions = {},
): Promise<InstallerFile> {
  const plan = await loadKickstart(path, { target: 'installer', isStrict: false }, options);
  const scripts = plan.scripts.map(
    ({ when, file, line }): KickstartProblem => ({
      severity: 'error',
      file,
      line,
      message: `%${when}: a medium runs no scripts; put what it does into the image`,
    }),
  );
  const errors = kickstartErrors(path, [...plan.problems, ...scripts]);
  if (errors !== undefined) throw errors;
  for (const problem of plan.problems) operation(options).log.warn(problemLine(problem));
  const bytes = Buffer.from(`${JSON.stringify(plan.config.config, undefined, 2)}\n`);
  const named = namesDisks(plan.config.config);
  return { kind: 'json', bytes, isUnattended: true, namesDisks: named, finish: plan.finish };
}

function namesDisks({ customizations = {} }: ImageConfig): boolean {
  return customizations.disk?.drives !== undefined || namedDisks(customizations).length > 0;
}

async function bytesOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}
