import { type BootcBootEntry, type BootcHost, fallbackWords, type SlipwayStatus } from '@slipway/host';
import { safeText } from '../output/safe-text.ts';
import type { Style } from '../output/style.ts';
import { block, type Fact } from './block.ts';
import { conflictLines } from './staged.ts';
import { trustFacts } from './trust.ts';

/** The status for people: one block a deployment, the running one marked. */
export function statusWords(host: BootcHost, style: Style, verbose: boolean): readonly string[] {
  const { booted, staged, rollback, otherDeployments } = host.status;
  const entries: readonly (readonly [string, BootcBootEntry | null, readonly Fact[]])[] = [
    ['Staged image', staged, [...waitingFacts(staged), ...stagedFacts(host.slipway).map(safeFact)]],
    ['Booted image', booted, bootedFacts(host.slipway, style)],
    ['Rollback image', rollback, rollbackFacts(host)],
    ...otherDeployments.map((entry) => ['Other image', entry, []] as const),
  ];
  const blocks = entries.flatMap(([heading, entry, more]) => {
    if (entry === null) return [];
    const title = safeFact([heading, imageName(entry)]);
    const mark = entry === booted ? style.good('●') : ' ';
    const trust = trustFacts(host.slipway.trust[entry.composefs.verity]);
    const kept = keepingFacts(host.slipway, entry);
    const facts = [...imageFacts(entry, verbose), ...kept, ...trust].map(safeFact);
    return [block(mark, title, [...facts, ...more])];
  });
  return [
    ...blocks.flatMap((lines) => ['', ...lines]).slice(1),
    ...denials(host.slipway),
    ...fallbackStory(host.slipway, style),
    ...resetStory(host.slipway, style),
    ...closing(host.slipway, style),
  ];
}

/** Only the running deployment, for `--booted`. */
export function onlyBooted(host: BootcHost): BootcHost {
  const status = { ...host.status, staged: null, rollback: null, otherDeployments: [] };
  return { ...host, status };
}

/** Names and labels of images come from outside. */
function safeFact([label, text]: Fact): Fact {
  return [label, safeText(text)];
}

function imageName(entry: BootcBootEntry): string {
  if (entry.image === null) return 'unknown';
  const { image, transport } = entry.image.image;
  return transport === 'registry' ? image : `${transport}:${image}`;
}

function imageFacts(entry: BootcBootEntry, verbose: boolean): readonly Fact[] {
  const { image, composefs } = entry;
  const facts: Fact[] = [];
  if (image !== null) {
    facts.push(['Digest', `${image.imageDigest} (${image.architecture})`]);
    const version = [image.version, image.timestamp === null ? null : `(${image.timestamp})`];
    facts.push(['Version', version.filter((part) => part !== null).join(' ') || 'none']);
  }
  facts.push(['Deployment', verbose ? composefs.verity : composefs.verity.slice(0, 12)]);
  if (verbose) facts.push(['Sealed', composefs.missingVerityAllowed ? 'no' : 'yes']);
  return facts;
}

/** Its number, for commands that want one named, and whether it stays. */
function keepingFacts({ deployments }: SlipwayStatus, entry: BootcBootEntry): readonly Fact[] {
  const row = deployments.find(({ deployment }) => deployment === entry.composefs.verity);
  if (row === undefined) return [];
  const pinned: readonly Fact[] = row.pinned ? [['Pinned', 'yes, kept until slipway unpin']] : [];
  const bootable: readonly Fact[] =
    row.bootable || row.role === 'staged' ? [] : [['Boot entry', 'none: nothing can boot it']];
  return [['Number', String(row.index)], ...pinned, ...bootable];
}

/** Images that upgrades leave alone. */
function denials({ denied }: SlipwayStatus): readonly string[] {
  return denied.flatMap(({ manifestDigest, deployment, version, since, reason }) => [
    '',
    ...block(
      ' ',
      ['Denied image', safeText(manifestDigest ?? deployment)],
      [
        ['Version', safeText(version ?? 'none')],
        ['Why', `${safeText(reason)} (${safeText(since)})`],
        ['Allow', 'slipway allow, or upgrade --allow-denied'],
      ],
    ),
  ]);
}

function bootedFacts(slipway: SlipwayStatus, style: Style): readonly Fact[] {
  const { health, bootCounter, bootCopies, transient } = slipway;
  const memory: readonly Fact[] =
    transient.length === 0 ? [] : [['In memory', `${transient.join(', ')}: gone with the next boot`]];
  const more = [...copyFacts(bootCopies, style), ...memory];
  if (health === 'good') return [['Health', style.good('good')], ...more];
  const tries = bootCounter === null ? '' : `, ${bootCounter.triesLeft} boot attempts left`;
  return [['Health', style.warn(`${health}${tries}`)], ...more];
}

/** What else the machine can be started from. */
function copyFacts(copies: SlipwayStatus['bootCopies'], style: Style): readonly Fact[] {
  if (copies === null) return [];
  if (copies.length === 0) return [['Boot copies', style.warn('none: the other disks are gone')]];
  return copies.map(({ device, reason }) => {
    const state = reason === null ? 'up to date' : style.warn(`not up to date: ${safeText(reason)}`);
    return ['Boot copy', `${device}, ${state}`];
  });
}

/** An update that was only downloaded is staged, and yet the next boot is not its. */
function waitingFacts(staged: BootcBootEntry | null): readonly Fact[] {
  return staged?.downloadOnly === true ? [['Waits', 'for slipway upgrade --from-downloaded']] : [];
}

function stagedFacts({ staged }: SlipwayStatus): readonly Fact[] {
  if (staged === null) return [];
  const failure: readonly Fact[] =
    staged.failure === null ? [] : [['Not finished', `${staged.failure.message} (${staged.failure.at})`]];
  return [['Staged', staged.stagedAt], ...conflictLines(staged.etcConflicts, staged.etcPolicy), ...failure];
}

function rollbackFacts({ status }: BootcHost): readonly Fact[] {
  return status.rollbackQueued ? [['Queued', 'boots next']] : [];
}

function fallbackStory({ fallback }: SlipwayStatus, style: Style): readonly string[] {
  if (fallback === null) return [];
  return ['', ...fallbackWords(fallback).map((line) => style.warn(safeText(line)))];
}

function resetStory({ factoryReset }: SlipwayStatus, style: Style): readonly string[] {
  if (factoryReset === null) return [];
  const what = 'the next boot brings /etc back to the image and empties /var';
  return ['', style.warn(`Factory reset: ${what}; slipway factory-reset --cancel takes it back`)];
}

function closing({ asOf }: SlipwayStatus, style: Style): readonly string[] {
  return asOf === null ? [] : ['', style.dim(`as of ${asOf}; root sees the present`)];
}
