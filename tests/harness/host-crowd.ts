/**
 * One of a crowd around a host in a directory: upgrades it, or asks for its status again and again.
 *
 *     node host-crowd.ts MACHINE ID upgrade|status [TIMES]
 *
 * Prints `upgrade` with the kind of the result or the code of the error, or `status` with how often the answer made sense.
 */
import { isSlipwayError } from '@slipway/core';
import { hostStatus } from '@slipway/host';
import { stage, systemOf } from '../../packages/host/src/testing/test-host.ts';
import { UPDATED } from './host-images.ts';

/** What it is started with. */
export type CrowdArguments = readonly [
  machine: string,
  id: string,
  what: 'upgrade' | 'status',
  times: string,
];

const [, , machine = '', id = '', what, times = '1'] = process.argv;
const host = systemOf(machine, id);
if (what === 'upgrade') {
  const result = await stage(host, UPDATED).catch((thrown: unknown) => {
    if (isSlipwayError(thrown)) return { kind: thrown.code };
    throw thrown;
  });
  process.stdout.write(`upgrade ${result.kind}\n`);
} else {
  let good = 0;
  const answers = Array.from({ length: Number(times) }, () => hostStatus(host));
  for (const { status } of await Promise.all(answers)) if (status.booted?.composefs?.verity === id) good += 1;
  process.stdout.write(`status ${good}\n`);
}
