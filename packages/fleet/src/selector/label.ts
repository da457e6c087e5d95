/** What a label may be called and hold. */

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
const VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?)?$/;

/** Undefined for a key that may be used, else what is wrong with it. */
export function labelKeyFault(key: string): string | undefined {
  return NAME.test(key)
    ? undefined
    : 'a name has 1 to 128 letters, digits, ".", "_", "/" and "-", and starts and ends with a letter or digit';
}

/** Undefined for a value that may be used, else what is wrong with it. Values may be empty. */
export function labelValueFault(value: string): string | undefined {
  return VALUE.test(value)
    ? undefined
    : 'a value has at most 128 letters, digits, ".", "_", ":" and "-", and starts and ends with a letter or digit';
}
