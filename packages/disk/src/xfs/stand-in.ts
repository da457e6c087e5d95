/**
 * Another name of the same length and the same hash, without white space and not beginning with a colon.
 *
 * Directories are searched by a hash that is turned by seven bits before each byte is added: the lowest bit of a byte counts as much as
 * the highest of the one behind it. Flipping both changes the name and not the hash, so that the name can be put right in place.
 *
 * @param name bytes, as latin1
 * @returns undefined where there is none that can be written
 */
export function standInName(name: string): string | undefined {
  if (isPlainName(name)) return name;
  const bytes = Buffer.from(name, 'latin1');
  for (let at = 0; at < bytes.length; at += 1) {
    if (!isDivider(bytes, at)) continue;
    const first = at < bytes.length - 1 ? at : at - 1;
    if (first < 0) return undefined;
    bytes.writeUInt8(bytes.readUInt8(first) ^ 0x01, first);
    bytes.writeUInt8(bytes.readUInt8(first + 1) ^ 0x80, first + 1);
  }
  const found = bytes.toString('latin1');
  return isPlainName(found) ? found : undefined;
}

/** Whether a name is a word of a prototype file as it is (mkfs.xfs(8)). */
export function isPlainName(name: string): boolean {
  return name !== '$' && !/^:|[\0\t\n /]/.test(name);
}

function isDivider(bytes: Buffer, at: number): boolean {
  const byte = bytes.readUInt8(at);
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || (at === 0 && byte === 0x3a);
}
