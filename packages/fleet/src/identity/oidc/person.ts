/** Somebody as an identity provider tells of them. */
export interface Person {
  readonly issuer: string;
  readonly subject: string;
  /** Names a user could have, best first. */
  readonly names: readonly string[];
  readonly displayName: string | undefined;
  readonly groups: readonly string[];
}

export type Claims = Readonly<Record<string, unknown>>;

const MAX_NAME = 128;
const MAX_LINE = 1024;
const MAX_GROUPS = 1000;

/** What claims say of somebody, within bounds. */
export function personOf(issuer: string, subject: string, claims: Claims, groupsClaim: string): Person {
  const said = [claims['preferred_username'], claims['email'], subject].map(nameOf);
  return {
    issuer,
    subject,
    names: [...new Set(said)].filter((name) => name !== ''),
    displayName: lineOf(claims['name']),
    groups: groupsOf(claims, groupsClaim),
  };
}

/** `Anna Muster@example.com` becomes `anna-muster-example.com`: a name of a resource. */
function nameOf(said: unknown): string {
  if (typeof said !== 'string') return '';
  const name = said
    .slice(0, MAX_NAME)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-');
  return name.replace(/^[._-]+|[._-]+$/g, '');
}

function lineOf(said: unknown): string | undefined {
  if (typeof said !== 'string') return undefined;
  const line = said.replace(/\p{Cc}+/gu, ' ').trim();
  return line === '' ? undefined : line.slice(0, MAX_LINE);
}

function groupsOf(claims: Claims, claim: string): readonly string[] {
  const said = Object.hasOwn(claims, claim) ? claims[claim] : inside(claims, claim.split('.'));
  const all: readonly unknown[] = Array.isArray(said) ? said : [said];
  return all
    .filter((group): group is string => typeof group === 'string' && group !== '' && group.length <= MAX_LINE)
    .slice(0, MAX_GROUPS);
}

function inside(claims: Claims, path: readonly string[]): unknown {
  let at: unknown = claims;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Claims)[key];
  }
  return at;
}
