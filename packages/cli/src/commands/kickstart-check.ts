import { type Operation, SlipwayError } from '@slipway/core';
import {
  type DiskVerdict,
  describeKickstart,
  judgeDisks,
  type KickstartPlan,
  listBlockDevices,
  loadKickstart,
  namedDisks,
  problemLine,
  verdictWords,
} from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

interface KickstartCheckInput {
  readonly file: string;
  readonly strict: boolean;
  readonly target: 'installer' | 'disk';
  readonly here: boolean;
  readonly json: boolean;
}

/** `slipway kickstart check FILE`. */
export async function kickstartCheck(input: KickstartCheckInput, context: CommandContext): Promise<number> {
  const { target, strict: isStrict, here } = input;
  if (here && target === 'disk') {
    throw new SlipwayError('USAGE', 'cannot judge the disks of this machine: a disk image touches none', {
      hint: 'leave out --here, or --target disk',
    });
  }
  const plan = await loadKickstart(input.file, { target, isStrict }, context.operation);
  const isGood = plan.problems.every(({ severity }) => severity !== 'error');
  const { image, disks, mounts, scripts, finish, problems } = plan;
  const machine = here ? await verdictsOf(plan, context.operation) : undefined;
  const answer = {
    ok: isGood,
    problems,
    steps: describeKickstart(plan),
    image: image ?? null,
    disks,
    mounts,
    scripts,
    finish,
    config: plan.config.config,
    ...(machine === undefined ? {} : { machine }),
  };
  emit(context, input, answer, ({ steps }) => [
    ...problems.map(problemLine),
    ...steps,
    ...(machine === undefined ? [] : ['', 'on this machine:', ...verdictWords(machine)]),
  ]);
  return isGood ? 0 : 1;
}

async function verdictsOf(
  { disks, mounts, config }: KickstartPlan,
  operation: Operation,
): Promise<readonly DiskVerdict[]> {
  if (mounts.length === 0) {
    const named = namedDisks(config.config.customizations ?? {});
    return judgeDisks(disks, await listBlockDevices(operation), named);
  }
  throw new SlipwayError('USAGE', 'cannot judge the disks of this machine: the file mounts what is there', {
    hint: 'its lines with mount say which file systems are kept and which are made anew; leave out --here',
  });
}
