const ASCII = /^[\0-\x7f]*$/;

/** A name that comes as text, as its bytes: nearly always these are the same. */
export function bytesOfText(name: string): string {
  return ASCII.test(name) ? name : Buffer.from(name, 'utf8').toString('latin1');
}
