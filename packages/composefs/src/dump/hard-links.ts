import type { LeafFacts } from '../erofs/facts.ts';
import { comesFirst, type Place } from '../erofs/open-directory.ts';
import type { LeafNode, TreeNode } from '../tree.ts';

/** A name whose file is described elsewhere in the dump, before or after it. */
export interface HardLink extends Place {
  readonly line: number;
  /** Decoded path of the target, or of another link. */
  readonly target: string;
}

/** Links by the node that holds their place until every line was read. */
export type HardLinks = ReadonlyMap<TreeNode, HardLink>;

/** The file a chain of links ends at, and the name its own line gave it. */
export interface LinkTarget {
  readonly node: LeafNode;
  readonly place: Place;
}

/** A link and where it leads. */
export interface ResolvedLink {
  readonly link: HardLink;
  readonly to: LinkTarget;
}

/**
 * Follows every link to its file; each link is followed once, however long the chains are.
 *
 * @param onInvalid makes an error of a missing target, a directory, or links that name each other
 */
export function followLinks(
  links: HardLinks,
  lookUp: (path: string) => Place | undefined,
  onInvalid: (link: HardLink, why: string) => Error,
): readonly ResolvedLink[] {
  const resolved = new Map<HardLink, LinkTarget>();
  for (const first of links.values()) {
    const chain = new Set<HardLink>();
    let to = resolved.get(first);
    for (let link = first; to === undefined; ) {
      if (chain.has(link)) throw onInvalid(link, 'the hard links name each other');
      chain.add(link);
      const place = lookUp(link.target);
      const node = place?.directory.entries.get(place.name);
      const quoted = JSON.stringify(link.target);
      if (place === undefined || node === undefined)
        throw onInvalid(link, `there is no ${quoted} to link to`);
      if (node.kind === 'directory') throw onInvalid(link, `${quoted} is a directory and cannot be linked`);
      const next = links.get(node);
      if (next === undefined) to = { node, place };
      else {
        to = resolved.get(next);
        link = next;
      }
    }
    for (const link of chain) resolved.set(link, to);
  }
  return [...resolved].map(([link, to]) => ({ link, to }));
}

/** What the tree cannot say about files with several names, or with a link count that is not theirs. */
export function linkFacts(
  resolved: readonly ResolvedLink[],
  givenCounts: ReadonlyMap<LeafNode, number>,
): Map<LeafNode, LeafFacts> {
  const facts = new Map<LeafNode, LeafFacts>();
  const names = new Map<LeafNode, number>();
  for (const { link, to } of resolved) {
    names.set(to.node, (names.get(to.node) ?? 1) + 1);
    if (!comesFirst(link, to.place)) continue;
    const owner = { directory: to.place.directory.node, name: to.place.name };
    facts.set(to.node, { owner });
  }
  for (const node of new Set([...names.keys(), ...givenCounts.keys()])) {
    const nlink = givenCounts.get(node) ?? 1;
    if (nlink !== (names.get(node) ?? 1)) facts.set(node, { ...facts.get(node), nlink });
  }
  return facts;
}
