/**
 * The place of a device in the order of one rollout, 0 to 2^32-1: as good as drawn, the same for ever, another in each rollout, so that
 * the same devices are not always the first to suffer.
 */
export function deviceRank(rollout: string, device: string): number {
  return mixed(hashed(device, hashed(rollout, 0x811c9dc5)));
}

/** FNV-1a over UTF-16 units. */
function hashed(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}

/** The finaliser of MurmurHash3: names that differ in one digit end far apart. */
function mixed(hash: number): number {
  let value = hash;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** Sorts by rank; devices of equal rank by name. */
export function byRank<Item extends { readonly device: string }>(
  rollout: string,
  items: readonly Item[],
): readonly Item[] {
  return items
    .map((item) => ({ item, rank: deviceRank(rollout, item.device) }))
    .sort((a, b) => a.rank - b.rank || (a.item.device < b.item.device ? -1 : 1))
    .map(({ item }) => item);
}
