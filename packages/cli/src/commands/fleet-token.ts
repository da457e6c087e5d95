import { SlipwayError } from '@slipway/core';
import type { CommandContext } from '../command/spec.ts';
import { parseNameValue, wholeNumber } from '../command/values.ts';
import { atServer } from '../fleet/fleet-client.ts';

interface FleetTokenInput {
  readonly name: string;
  readonly enrol: boolean;
  readonly role: string | undefined;
  readonly label: readonly string[];
  readonly fleet: string | undefined;
  readonly uses: string;
}

const MAX_USES = 1_000_000;

/** `slipway fleet token NAME`. */
export async function fleetToken(input: FleetTokenInput, context: CommandContext): Promise<number> {
  const { name, role, fleet } = input;
  if (!input.enrol && role === undefined) {
    throw new SlipwayError('USAGE', 'cannot make a token for nothing', {
      hint: 'give --enrol for hosts, or --role for programs',
    });
  }
  const made = await atServer(async (client) => {
    if (role !== undefined) {
      const grants = [{ role, ...(fleet === undefined ? {} : { fleets: [fleet] }) }];
      return await client.call('tokens.create', { body: { name, grants } });
    }
    const labels = Object.fromEntries(input.label.map((each) => parseNameValue(each, '--label')));
    const uses = wholeNumber(1, MAX_USES)(input.uses, '--uses');
    return await client.call('enrolmentTokens.create', {
      body: { name, labels, uses, ...(fleet === undefined ? {} : { fleet }) },
    });
  });
  context.print(`${made.secret}\n`);
  return 0;
}
