import { formatBytes } from '@slipway/core';
import type {
  DeniedImage,
  EtcAccountMerge,
  EtcConflict,
  EtcPolicy,
  ReleaseResult,
  RollbackResult,
  StageResult,
  UpdateCheck,
} from '@slipway/host';
import { block, type Fact } from './block.ts';
import { trustFacts } from './trust.ts';

const CONFLICT_WORDS: Readonly<Record<EtcConflict['kind'], string>> = {
  'both-changed': 'changed here and in the image',
  'deleted-here': 'deleted here, changed in the image',
  'removed-by-image': 'changed here, removed from the image',
  'id-taken': 'its number belongs to another account here',
  'type-changed': 'of another kind here than in the image',
};

const POLICY_WORDS: Readonly<Record<EtcPolicy, string>> = {
  ours: 'kept as it is here',
  theirs: 'taken from the image',
  fail: 'refused',
};

/** One fact a conflict in /etc. */
export function conflictLines(conflicts: readonly EtcConflict[], policy: EtcPolicy): readonly Fact[] {
  return conflicts.map(
    ({ path, kind, account }): Fact =>
      account === undefined
        ? ['/etc', `${path}: ${CONFLICT_WORDS[kind]}, ${POLICY_WORDS[policy]}`]
        : ['/etc', `${path}, account ${account}: ${CONFLICT_WORDS[kind]}, ${POLICY_WORDS.ours}`],
  );
}

/** One fact an account file that was merged. */
function accountLines(accounts: readonly EtcAccountMerge[]): readonly Fact[] {
  return accounts.map(({ path, added, changed, removed }): Fact => {
    const parts = [
      ...added.map((name) => `+${name}`),
      ...changed.map((name) => `~${name}`),
      ...removed.map((name) => `-${name}`),
    ];
    return ['/etc', `${path}: merged by line${parts.length === 0 ? '' : `: ${parts.join(' ')}`}`];
  });
}

/** What became of an update that waited. */
export function releaseWords(
  { kind, deployment, version }: ReleaseResult,
  reboots: boolean,
): readonly string[] {
  const next = reboots ? 'rebooting into it now' : 'starts at the next boot';
  const heading = kind === 'released' ? 'Queued for next boot' : 'Queued before';
  return block(
    ' ',
    [heading, version ?? deployment.slice(0, 12)],
    [['Deployment', `${deployment.slice(0, 12)}, ${next}`]],
  );
}

/** What staging came to, for people. */
export function stageWords(
  result: StageResult,
  policy: EtcPolicy,
  reboots: boolean,
  waits: boolean = false,
): readonly string[] {
  const name = result.image.transport === 'registry' ? result.image.image : `oci:${result.image.image}`;
  const digest: Fact = ['Digest', result.manifestDigest];
  if (result.kind === 'up-to-date') {
    return block(' ', ['Nothing new', name], [digest, ...droppedFacts(result.unstaged)]);
  }
  if (result.kind === 'retargeted') {
    return block(' ', ['Now following', name], [digest, ['Deployment', 'the running one; no reboot needed']]);
  }
  if (result.kind === 'denied')
    return block(' ', ['Not staged', name], [digest, ...denialFacts(result.denial)]);
  const next = waits
    ? 'waits for slipway upgrade --from-downloaded'
    : reboots
      ? 'rebooting into it now'
      : 'starts at the next boot';
  const deployment: Fact = ['Deployment', `${result.deployment.slice(0, 12)}, ${next}`];
  if (result.kind === 'already-staged') return block(' ', ['Staged before', name], [digest, deployment]);
  const fetched = `${formatBytes(result.fetchedBytes)}, ${formatBytes(result.newObjectBytes)} of new files`;
  return block(
    ' ',
    [waits ? 'Downloaded' : 'Queued for next boot', name],
    [
      digest,
      ['Version', result.version ?? 'none'],
      deployment,
      ['Fetched', fetched],
      ...accountLines(result.etcAccounts),
      ...conflictLines(result.etcConflicts, policy),
    ],
  );
}

/** Why an image is left alone, and how to have it all the same. */
function denialFacts({ reason, since }: DeniedImage): readonly Fact[] {
  return [
    ['Why', `${reason} (${since})`],
    ['To try again', 'add --allow-denied'],
  ];
}

function droppedFacts(deployment: string | undefined): readonly Fact[] {
  return deployment === undefined ? [] : [['Dropped', `staged ${deployment.slice(0, 12)}`]];
}

/** What an upgrade would find, for people. */
export function checkWords(check: UpdateCheck, name: string): readonly string[] {
  const digest: Fact = ['Digest', check.manifestDigest];
  const version: Fact = ['Version', check.version ?? 'none'];
  if (check.kind === 'up-to-date') return block(' ', ['Nothing new', name], [digest, version]);
  if (check.kind === 'already-staged') return block(' ', ['Staged already', name], [digest, version]);
  if (check.kind === 'denied') {
    return block(' ', ['Left alone', name], [digest, version, ...denialFacts(check.denial)]);
  }
  const { unpackedBytes, freeBytes } = check.space;
  const unpacked = unpackedBytes === null ? '' : `${formatBytes(unpackedBytes)} unpacked, `;
  const fetch = `${check.newLayers} of ${check.layers} layers, ${formatBytes(check.newBytes)} at most`;
  return block(
    ' ',
    ['Update available', name],
    [
      digest,
      version,
      ['To fetch', fetch],
      ['Room', `${unpacked}${formatBytes(freeBytes)} free`],
      ...trustFacts(check.trust),
    ],
  );
}

/** What a rollback came to, for people. */
export function rollbackWords(result: RollbackResult, reboots: boolean): readonly string[] {
  const next = reboots ? 'rebooting into it now' : 'boots next';
  const heading = result.kind === 'queued' ? 'Rollback queued' : 'Rollback taken back';
  const name = result.version ?? result.deployment.slice(0, 12);
  return block(
    ' ',
    [heading, `${name} ${next}`],
    [['Deployment', result.deployment], ...droppedFacts(result.unstaged)],
  );
}
