import { type CheckResult, type FailedBoot, fallbackWords, type SlipwayStatus } from '@slipway/host';

/** What `slipway health` knows. */
interface HealthAnswer {
  readonly deployment: string;
  readonly health: SlipwayStatus['health'];
  readonly checks: SlipwayStatus['checks'];
  readonly fallback: SlipwayStatus['fallback'];
  readonly failedBoot: FailedBoot | null;
}

/** Health for people: the verdict, a line a check, and the story of the last boot that failed. */
export function healthWords({ health, checks, fallback, failedBoot }: HealthAnswer): readonly string[] {
  const story = fallback === null ? [] : ['', ...fallbackWords(fallback)];
  return [
    `This boot is ${health}.`,
    ...(checks === null ? ['No checks ran.'] : checks.checks.flatMap(checkLines)),
    ...story,
    ...(failedBoot?.health?.checks ?? []).flatMap(checkLines),
  ];
}

function checkLines({ name, kind, result, durationMs, output }: CheckResult): readonly string[] {
  const line = `  ${result.padEnd(9)}  ${kind.padEnd(8)}  ${name} (${durationMs} ms)`;
  if (result === 'passed' || output === '') return [line];
  return [line, ...output.split('\n').map((text) => `      ${text}`)];
}
