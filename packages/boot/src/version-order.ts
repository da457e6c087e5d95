/** Order of versions as boot loaders see it (UAPI.10, "Version Format Specification"). */

const IGNORED = /^[^A-Za-z0-9~\-^.]+/;
/** Separators from oldest to newest: what carries one is older than what carries none. */
const SEPARATORS = ['-', '^', '.'] as const;

/** Negative when `a` is older than `b`, positive when newer, 0 when neither. */
export function compareVersions(a: string, b: string): number {
  let left = a;
  let right = b;
  for (;;) {
    left = left.replace(IGNORED, '');
    right = right.replace(IGNORED, '');
    // A pre-release (`~`) is older than anything, the end of the text included.
    const tilde = compareLeading('~', left, right);
    if (tilde !== 0) return tilde;
    if (left.startsWith('~')) {
      left = left.slice(1);
      right = right.slice(1);
    }
    if (left === '' || right === '') return Math.sign(left.length - right.length);
    for (const separator of SEPARATORS) {
      const order = compareLeading(separator, left, right);
      if (order !== 0) return order;
      if (left.startsWith(separator)) {
        left = left.slice(1);
        right = right.slice(1);
      }
    }
    const numeric = /^\d/.test(left) || /^\d/.test(right);
    const pattern = numeric ? /^\d*/ : /^[A-Za-z]*/;
    const leftPart = pattern.exec(left)?.[0] ?? '';
    const rightPart = pattern.exec(right)?.[0] ?? '';
    const order = numeric ? compareNumbers(leftPart, rightPart) : compareText(leftPart, rightPart);
    if (order !== 0) return order;
    left = left.slice(leftPart.length);
    right = right.slice(rightPart.length);
  }
}

function compareLeading(mark: string, a: string, b: string): number {
  return Number(b.startsWith(mark)) - Number(a.startsWith(mark));
}

/** A missing number is older than any; longer digits win without being parsed, so no value overflows. */
function compareNumbers(a: string, b: string): number {
  if ((a === '') !== (b === '')) return a === '' ? -1 : 1;
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  return left.length === right.length ? compareText(left, right) : Math.sign(left.length - right.length);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
