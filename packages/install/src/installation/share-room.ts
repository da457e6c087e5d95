import type { Sizing } from '../storage/request.ts';
import { extraSizes } from '../storage/sizes.ts';

/** Something that wants a part of a disk or a volume group. */
export interface Claim {
  readonly sizing: Sizing;
  /** It holds the root, which takes what the others leave unless it was given a size. */
  readonly isRoot: boolean;
}

/**
 * How large each becomes; undefined for the one that takes what the others leave: the root, else the last that grows.
 *
 * The order stays, so that the one without a size should be made last where only what is left can be asked for.
 */
export function shareRoom(
  claims: readonly Claim[],
  roomBytes: number,
  wholeBytes: number,
): readonly (number | undefined)[] {
  const isFixed = ({ sizing }: Claim): boolean =>
    sizing.percent !== undefined || sizing.mostBytes === sizing.leastBytes;
  let rest = claims.findIndex((claim) => claim.isRoot && !isFixed(claim));
  if (rest === -1)
    rest = claims.findLastIndex(
      ({ sizing }) => sizing.isGrowing && sizing.mostBytes === Number.POSITIVE_INFINITY,
    );
  const others = claims.filter((_, index) => index !== rest);
  const restLeastBytes = claims[rest]?.sizing.leastBytes ?? 0;
  const sizes = extraSizes(others, roomBytes, restLeastBytes, wholeBytes);
  let next = 0;
  return claims.map((_, index) => (index === rest ? undefined : sizes[next++]));
}
