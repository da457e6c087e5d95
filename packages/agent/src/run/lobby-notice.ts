/** What a person in front of a host sees while it waits to be let into its fleet. */
import { createHash, createPublicKey } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurably } from '@slipway/boot';
import { type Logger, messageOf, run } from '@slipway/core';
import { renderUnicodeCompact } from 'uqr';
import { readText } from '../record/read-text.ts';

/** A host in the lobby, as the server told it. */
export interface Waiting {
  readonly server: string;
  readonly name: string;
  /** Where a person lets it in. */
  readonly approveUrl: string;
  /** Its private key, PEM; shown is the fingerprint of the public one, which the lobby shows too. */
  readonly key: string;
}

/** Shows it, and takes it away again. */
export interface LobbyNotice {
  show(waiting: Waiting): Promise<void>;
  clear(): Promise<void>;
}

const FILE = '50-slipway-fleet.issue';
/** A code for more than this is too large for a screen of 25 lines. */
const MAX_URL_LENGTH = 106;
/** What a login prompt prints as it is: a backslash would begin one of its own words (agetty(8)). */
const PLAIN_URL = /^https:\/\/[\x21-\x5b\x5d-\x7e]+$/;

/**
 * Above the login prompts of the console, as a code for a telephone and in words. Prompts that stand there already are printed anew.
 *
 * The directory is in memory: a host that loses power shows nothing that is not so. What cannot be shown is in nobody's way: the log says
 * so, and the host goes on waiting.
 *
 * @param directory `/run/issue.d` of a host (agetty(8))
 */
export function consoleNotice(directory: string, log: Logger): LobbyNotice {
  const path = join(directory, FILE);
  // A prompt never reads half of it.
  const writeNotice = async (text: string): Promise<void> => {
    await mkdir(directory, { recursive: true });
    await writeFileDurably(path, text);
  };
  const change = async (text: string | undefined): Promise<void> => {
    try {
      if (text === (await readText(path))) return;
      if (text === undefined) await rm(path);
      else await writeNotice(text);
      await run(['agetty', '--reload'], { describe: 'print the login prompts anew' });
    } catch (thrown) {
      log.warn('the console does not show that this host waits', { reason: messageOf(thrown) });
    }
  };
  return {
    show: async (waiting) => await change(noticeOf(waiting)),
    clear: async () => await change(undefined),
  };
}

/** The text, with a code where the address can be shown at all: it comes from the server. */
export function noticeOf({ server, name, approveUrl, key }: Waiting): string {
  const lines = [`This host waits to be let into the fleet at ${plain(server)}`, `as ${plain(name)}.`];
  const isShown = PLAIN_URL.test(approveUrl);
  const where = isShown ? `Let it in at ${approveUrl}` : 'Let it in by slipway fleet approve.';
  const code =
    isShown && approveUrl.length <= MAX_URL_LENGTH ? [renderUnicodeCompact(approveUrl, { border: 2 })] : [];
  return `${[...lines, where, ...code, `Key ${fingerprintOf(key)}`].join('\n')}\n`;
}

/** In groups, to be compared by eye. */
function fingerprintOf(key: string): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const hex = createHash('sha256').update(spki).digest('hex');
  return hex.replaceAll(/.{8}(?!$)/g, '$& ');
}

function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x5b\x5d-\x7e]/g, '?');
}
