/** One way a server offers to be asked again (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** Lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names lower case. */
  readonly params: ReadonlyMap<string, string>;
}

/** Longer header values say nothing a registry needs to say. */
const MAX_LENGTH = 16_384;

/**
 * Reads the values of `WWW-Authenticate`. What does not follow the grammar ends the reading; the
 * challenges before it count.
 */
export function parseChallenges(values: readonly string[]): readonly Challenge[] {
  return values.flatMap((value) => [...challengesIn(value.slice(0, MAX_LENGTH))]);
}

interface OpenChallenge {
  readonly scheme: string;
  readonly params: Map<string, string>;
}

function* challengesIn(text: string): Generator<Challenge, void, undefined> {
  const token = /\s*(?<token>[!#$%&'*+.^_`|~0-9A-Za-z-]+)/y;
  const assignment = /\s*=\s*(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<plain>[^\s",]+))/y;
  const comma = /[\s,]*/y;
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  let challenge: OpenChallenge | undefined;
  for (;;) {
    match(comma);
    const name = match(token)?.groups?.['token'];
    if (name === undefined) break;
    const value = match(assignment)?.groups;
    if (value === undefined) {
      if (challenge !== undefined) yield challenge;
      challenge = { scheme: name.toLowerCase(), params: new Map() };
    } else {
      challenge?.params.set(name.toLowerCase(), value['plain'] ?? unquote(value['quoted'] ?? ''));
    }
  }
  if (challenge !== undefined) yield challenge;
}

function unquote(text: string): string {
  return text.replaceAll(/\\(.)/g, '$1');
}
