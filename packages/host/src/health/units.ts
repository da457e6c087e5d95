/** Which units kept a boot from becoming good, as systemd tells. */
import { type Operation, run } from '@slipway/core';

const TARGET = 'boot-complete.target';
const UNIT = /^[A-Za-z0-9:_.\\@-]{1,255}$/;

/** Units that boot-complete.target asks for and that failed; where none did, those the boot still waits for. */
export async function failedBootUnits({ signal, log }: Operation): Promise<readonly string[]> {
  const systemctl = async (...args: readonly string[]): Promise<string> => {
    const options = { describe: 'ask systemd what failed', debianPackage: 'systemd', signal, log };
    return (await run(['systemctl', ...args], options)).stdout.toString('utf8');
  };
  const wanted = await systemctl('show', '--property=Requires', '--property=Wants', '--value', TARGET);
  const units = wanted.split(/\s+/).filter((name) => UNIT.test(name));
  if (units.length === 0) return [];
  const failed = parseFailedUnits(
    await systemctl('show', '--property=Id', '--property=ActiveState', '--', ...units),
  );
  return failed.length > 0
    ? failed
    : parseRunningJobs(await systemctl('list-jobs', '--no-legend', '--plain'));
}

/** Ids of the failed units in what `systemctl show` prints: a block a unit. */
export function parseFailedUnits(text: string): readonly string[] {
  return text.split(/\n\n+/).flatMap((blockText) => {
    const fields = new Map(blockText.split('\n').map((line) => splitField(line)));
    const id = fields.get('Id');
    return fields.get('ActiveState') === 'failed' && id !== undefined ? [id] : [];
  });
}

/** Units whose start was begun and has not ended, in what `systemctl list-jobs` prints; what deals with the failure left out. */
export function parseRunningJobs(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [, unit, type, state] = line.trim().split(/\s+/);
    const hangs = type === 'start' && state === 'running' && unit !== 'slipway-boot-failed.service';
    return hangs && unit !== undefined ? [unit] : [];
  });
}

function splitField(line: string): readonly [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}
