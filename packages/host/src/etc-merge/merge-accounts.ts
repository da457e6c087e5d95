/** Account files both sides changed: merged by line where a plan would keep one side's file whole. */
import { type AccountConflict, isAccountFile, mergeAccountLines } from './account-lines.ts';
import { type EtcDirectory, type EtcFile, type EtcNode, sameInode } from './node.ts';
import type { EtcAction, EtcConflict, EtcMergePlan } from './plan.ts';

/** What the image brought into an account file of this machine. */
export interface EtcAccountMerge {
  readonly path: string;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** The three trees, and how to read a regular file below `/etc` of each; undefined: not worth reading. */
export interface AccountSides {
  readonly base: EtcDirectory;
  readonly ours: EtcDirectory;
  readonly theirs: EtcDirectory;
  read(side: 'base' | 'ours' | 'theirs', path: string): Promise<string | undefined>;
}

/** A plan whose account files are merged. */
export interface AccountsMerged extends EtcMergePlan {
  readonly accounts: readonly EtcAccountMerge[];
}

/**
 * Replaces, in a plan, whole account files by merged ones. Whatever the policy for files says, no account of this machine is
 * lost for one of the image; lines both sides changed differently are conflicts.
 */
export async function mergeAccounts(plan: EtcMergePlan, sides: AccountSides): Promise<AccountsMerged> {
  let { actions, conflicts } = plan;
  const accounts: EtcAccountMerge[] = [];
  for (const { path } of plan.conflicts.filter(
    ({ kind, path }) => kind === 'both-changed' && isAccountFile(path),
  )) {
    const merged = await mergeFile(path, sides);
    if (merged === undefined) continue;
    const { text, node, added, changed, removed } = merged;
    const action: EtcAction = { kind: 'leaf', path, from: 'ours', node, text };
    actions = actions.map((one) => (one.path === path ? action : one));
    conflicts = conflicts.flatMap((one) =>
      one.path === path ? lineConflicts(path, merged.conflicts) : [one],
    );
    accounts.push({ path: `/etc/${path}`, added, changed, removed });
  }
  return { actions, conflicts, accounts };
}

async function mergeFile(
  path: string,
  sides: AccountSides,
): Promise<(ReturnType<typeof mergeAccountLines> & { readonly node: EtcFile }) | undefined> {
  const [base, ours, theirs] = [sides.base, sides.ours, sides.theirs].map((tree) => fileOf(tree, path));
  if (base === undefined || ours === undefined || theirs === undefined) return undefined;
  const texts = await Promise.all(
    (['base', 'ours', 'theirs'] as const).map((side) => sides.read(side, path)),
  );
  const [oldText, ourText, newText] = texts;
  if (oldText === undefined || ourText === undefined || newText === undefined) return undefined;
  const merged = mergeAccountLines(path, { base: oldText, ours: ourText, theirs: newText });
  // Owner and permissions follow the image unless they were changed here.
  const isOurMetadata = !sameInode({ ...ours, content: '' }, { ...base, content: '' });
  return { ...merged, node: isOurMetadata ? ours : { ...ours, meta: theirs.meta } };
}

function fileOf(tree: EtcDirectory, path: string): EtcFile | undefined {
  const node: EtcNode | undefined = tree.entries.get(path);
  return node?.kind === 'regular' ? node : undefined;
}

function lineConflicts(path: string, conflicts: readonly AccountConflict[]): readonly EtcConflict[] {
  return conflicts.map(({ account, kind }) => ({ path, kind, account }));
}
