import { resolve } from 'node:path';

/** The checkout. */
export const ROOT: string = resolve(import.meta.dirname, '..');
