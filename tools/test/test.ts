/**
 * All tests, unit and system, with one closing line that counts them.
 *
 * Files that fail are run once more, alone: what fails then is broken, what passes then hangs on something it should not. Both are named
 * at the end; only the first fails the run, so that one unlucky moment in an hour does not hide what the other tests say.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { relative } from 'node:path';

interface TestFile {
  readonly name: string;
  readonly status: string;
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
}

interface Results {
  readonly exitCode: number;
  readonly files: readonly TestFile[];
}

await mkdir('build', { recursive: true });
const first = await runTests('build/test-results.json', process.argv.slice(2));
const broken = first.files.filter(hasFailed).map((file) => relative('.', file.name));
const isWholeRunBroken = first.exitCode !== 0 && broken.length === 0;
const again = broken.length === 0 ? undefined : await runTests('build/test-results-again.json', broken);
report(first, again, isWholeRunBroken);

function report(first: Results, again: Results | undefined, isWholeRunBroken: boolean): void {
  const files = mostRecent(first.files, again?.files ?? []);
  const failedTests = count(files, 'failed');
  const brokenFiles = files.filter(hasFailed).length;
  const isBroken = isWholeRunBroken || (again?.exitCode ?? 0) !== 0;
  // A file that does not even load holds no failed test, yet it has failed.
  const failed = Math.max(failedTests, isBroken ? Math.max(brokenFiles, 1) : 0);
  for (const name of unsteady(first.files, files))
    process.stdout.write(`failed once, passed alone: ${name}\n`);
  const skipped = count(files, 'pending') + count(files, 'skipped');
  process.stdout.write(
    `${count(files, 'passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
  );
  process.exitCode = failed > 0 ? 1 : 0;
}

function mostRecent(first: readonly TestFile[], again: readonly TestFile[]): readonly TestFile[] {
  const second = new Map(again.map((file) => [file.name, file]));
  return first.map((file) => second.get(file.name) ?? file);
}

function unsteady(first: readonly TestFile[], last: readonly TestFile[]): readonly string[] {
  const steady = new Set(last.filter(hasFailed).map((file) => file.name));
  return first
    .filter((file) => hasFailed(file) && !steady.has(file.name))
    .flatMap((file) => [
      relative('.', file.name),
      ...file.assertionResults.filter((test) => test.status === 'failed').map((test) => `  ${test.fullName}`),
    ]);
}

function hasFailed({ status }: TestFile): boolean {
  return status === 'failed';
}

function count(files: readonly TestFile[], status: string): number {
  return files.flatMap((file) => file.assertionResults).filter((test) => test.status === status).length;
}

async function runTests(results: string, args: readonly string[]): Promise<Results> {
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${results}`];
  // Those of faults have a command of their own.
  const projects = ['--project=unit', '--project=slow', '--project=system'];
  const vitest = ['node_modules/.bin/vitest', 'run', ...projects];
  const child = spawn(process.execPath, [...vitest, ...reporters, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exitCode = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)));
  const { testResults } = JSON.parse(await readFile(results, 'utf8')) as {
    readonly testResults: readonly TestFile[];
  };
  return { exitCode, files: testResults };
}
