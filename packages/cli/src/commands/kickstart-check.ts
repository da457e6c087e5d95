import { describeKickstart, loadKickstart, problemLine } from '@slipway/install';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';

interface KickstartCheckInput {
  readonly file: string;
  readonly strict: boolean;
  readonly target: 'installer' | 'disk';
  readonly json: boolean;
}

/** `slipway kickstart check FILE`. */
export async function kickstartCheck(input: KickstartCheckInput, context: CommandContext): Promise<number> {
  const { target, strict: isStrict } = input;
  const plan = await loadKickstart(input.file, { target, isStrict }, context.operation);
  const isGood = plan.problems.every(({ severity }) => severity !== 'error');
  const { image, disks, mounts, scripts, finish, problems } = plan;
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
  };
  emit(context, input, answer, ({ steps }) => [...problems.map(problemLine), ...steps]);
  return isGood ? 0 : 1;
}
