import type { Lint, LintReport } from '@slipway/build';

/** What the checks found: a line for each finding below its check, then the sums. */
export function lintWords(report: LintReport, itemsShown: number): readonly string[] {
  const findings = report.failed.flatMap(({ name, level, findings: all }) => [
    `${level === 'fatal' ? 'Fatal' : 'Warning'}: ${name}`,
    ...all.slice(0, itemsShown).map((finding) => `  ${finding}`),
    ...(all.length > itemsShown ? [`  ... and ${all.length - itemsShown} more`] : []),
  ]);
  return [
    ...findings,
    `Checks passed: ${report.passed}`,
    ...(report.skipped > 0 ? [`Checks skipped: ${report.skipped}`] : []),
    ...(report.warnings > 0 ? [`Warnings: ${report.warnings}`] : []),
  ];
}

/** The checks themselves, one a line. */
export function lintListWords(lints: readonly Pick<Lint, 'name' | 'level' | 'summary'>[]): readonly string[] {
  const width = Math.max(...lints.map(({ name }) => name.length));
  return lints.map(({ name, level, summary }) => `${name.padEnd(width)}  ${level.padEnd(7)}  ${summary}`);
}
