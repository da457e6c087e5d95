import type { ComparedImage, FileChange, FileCount, ImageDifference } from '@slipway/build';
import { formatBytes } from '@slipway/core';

/** What `slipway diff` prints: the difference, with the list of files where it was asked for. */
export interface ShownDifference extends Omit<ImageDifference, 'download'> {
  readonly download: {
    readonly layersBytes: number;
    readonly filesBytes: number;
    readonly deltaBytes: number | null;
  };
  readonly fileList?: readonly FileChange[];
}

const FILE_MARKS = { added: '+', removed: '-', changed: '~', times: '=' } as const;

/** The difference for people: a table of facts, lists below what they belong to. */
export function diffLines(difference: ShownDifference): readonly string[] {
  const { from, to, kernels, kernelArguments, labels, download, fileList } = difference;
  return [
    fact('From', imageWords(from)),
    fact('To', imageWords(to)),
    ...packageLines(difference),
    ...fileLines(difference, fileList),
    ...changeLines('Kernel', [kernels.from.join(', ') || 'none'], [kernels.to.join(', ') || 'none']),
    ...(kernelArguments === undefined
      ? []
      : addedAndRemoved('Kernel arguments', kernelArguments.added, kernelArguments.removed)),
    ...addedAndRemoved(
      'Labels',
      labels.flatMap(({ name, to: text }) => (text === undefined ? [] : [`${name}=${text}`])),
      labels.flatMap(({ name, from: text }) => (text === undefined ? [] : [`${name}=${text}`])),
    ),
    fact('Download', `${formatBytes(download.layersBytes)} as layers`),
    fact('', `${formatBytes(download.filesBytes)} as new files`),
    ...(download.deltaBytes === null ? [] : [fact('', `${formatBytes(download.deltaBytes)} as a delta`)]),
  ];
}

const LABEL_WIDTH = 'Kernel arguments'.length;

function fact(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}  ${text}`;
}

function imageWords({ image, digest, sizeBytes }: ComparedImage): string {
  return `${image}  ${digest}  ${formatBytes(sizeBytes)}`;
}

function packageLines({ packages }: ShownDifference): readonly string[] {
  const { added, removed, changed, unchanged } = packages;
  return [
    fact(
      'Packages',
      `${added.length} added, ${removed.length} removed, ${changed.length} changed, ${unchanged} the same`,
    ),
    ...added.map(({ name, version }) => `  + ${name} ${version}`),
    ...removed.map(({ name, version }) => `  - ${name} ${version}`),
    ...changed.map((change) => `  ~ ${change.name} ${change.from} → ${change.to}`),
  ];
}

function fileLines({ files }: ShownDifference, list: readonly FileChange[] | undefined): readonly string[] {
  const count = (word: string, { count: number, sizeBytes }: FileCount): string =>
    `${number} ${word} (${formatBytes(sizeBytes)})`;
  const counts = [
    count('added', files.added),
    count('removed', files.removed),
    count('changed', files.changed),
    `${files.times.count} with only another time`,
  ];
  return [
    fact('Files', counts.join(', ')),
    ...(list ?? []).map(
      ({ kind, path, sizeBytes }) => `  ${FILE_MARKS[kind]} ${path} ${formatBytes(sizeBytes)}`,
    ),
  ];
}

function changeLines(label: string, from: readonly string[], to: readonly string[]): readonly string[] {
  const [before, after] = [from.join(', '), to.join(', ')];
  return [fact(label, before === after ? before : `${before} → ${after}`)];
}

function addedAndRemoved(
  label: string,
  added: readonly string[],
  removed: readonly string[],
): readonly string[] {
  if (added.length === 0 && removed.length === 0) return [fact(label, 'the same')];
  return [
    fact(label, `${added.length} new, ${removed.length} gone`),
    ...added.map((text) => `  + ${text}`),
    ...removed.map((text) => `  - ${text}`),
  ];
}
