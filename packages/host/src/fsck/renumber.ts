/** Giving accounts the numbers the image has: pure judgements over the texts of passwd(5) and group(5). */
import type { AccountFiles, DriftedId } from './account-consistency.ts';

/** One account and its two numbers. */
export interface Renumbering {
  readonly kind: 'user' | 'group';
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** One that only people can decide about. */
export interface BlockedRenumbering extends Renumbering {
  readonly why: string;
}

/** What can be done by itself, and what cannot. */
export interface RenumberingPlan {
  readonly changes: readonly Renumbering[];
  readonly blocked: readonly BlockedRenumbering[];
}

/** Fields of passwd(5) and group(5). */
const ID_FIELD = 2;
const PRIMARY_GROUP_FIELD = 3;

/**
 * Sorts them. A number that somebody else has, here or after another change, is never given: files could not be told apart any more,
 * and a change cut short could not go on.
 *
 * @param busyUsers numbers of users that run processes now
 */
export function planRenumbering(
  here: AccountFiles,
  drifted: readonly DriftedId[],
  busyUsers: ReadonlySet<number>,
): RenumberingPlan {
  const all = drifted.map(({ kind, name, here: from, inImage: to }) => ({ kind, name, from, to }));
  const judged = all.map((one) => ({ ...one, why: obstacle(one, here, all, busyUsers) }));
  return {
    changes: judged.flatMap(({ why, ...one }) => (why === undefined ? [one] : [])),
    blocked: judged.flatMap(({ why, ...one }) => (why === undefined ? [] : [{ ...one, why }])),
  };
}

/** The account files after some changes; nothing else in them differs. Undefined for one that stays as it is. */
export function renumberedFiles(
  { passwd, group }: AccountFiles,
  changes: readonly Renumbering[],
): { readonly passwd: string | undefined; readonly group: string | undefined } {
  const users = changes.filter(({ kind }) => kind === 'user');
  const groups = changes.filter(({ kind }) => kind === 'group');
  const byName = (from: readonly Renumbering[], fields: readonly string[]): Renumbering | undefined =>
    from.find(({ name, from: number }) => name === fields[0] && isNumber(fields[ID_FIELD], number));
  return {
    passwd: editLines(passwd, (fields) => {
      const user = byName(users, fields);
      const primary = groups.find(({ from }) => isNumber(fields[PRIMARY_GROUP_FIELD], from));
      return fields.map((field, index) => {
        if (index === ID_FIELD && user !== undefined) return String(user.to);
        return index === PRIMARY_GROUP_FIELD && primary !== undefined ? String(primary.to) : field;
      });
    }),
    group: editLines(group, (fields) => {
      const change = byName(groups, fields);
      return fields.map((field, index) =>
        index === ID_FIELD && change !== undefined ? String(change.to) : field,
      );
    }),
  };
}

function obstacle(
  { kind, name, from, to }: Renumbering,
  { passwd = '', group = '' }: AccountFiles,
  all: readonly Renumbering[],
  busyUsers: ReadonlySet<number>,
): string | undefined {
  if (from === 0 || to === 0) return 'the number 0 is that of root';
  const lines = (kind === 'user' ? passwd : group).split('\n').map((line) => line.split(':'));
  const holder = (number: number): string | undefined =>
    lines.find((fields) => fields[0] !== name && isNumber(fields[ID_FIELD], number))?.[0];
  const [others, sharing] = [holder(to), holder(from)];
  if (others !== undefined) return `the number ${to} belongs to ${others} here`;
  if (sharing !== undefined) return `${sharing} has the number ${from}, too`;
  const rival = all.find((one) => one.kind === kind && one.name !== name && one.to === to);
  if (rival !== undefined) return `${rival.name} is to have the number ${to}, too`;
  return kind === 'user' && busyUsers.has(from) ? 'it runs processes: stop them first' : undefined;
}

function editLines(
  text: string | undefined,
  edit: (fields: readonly string[]) => readonly string[],
): string | undefined {
  if (text === undefined) return undefined;
  const edited = text
    .split('\n')
    .map((line) => edit(line.split(':')).join(':'))
    .join('\n');
  return edited === text ? undefined : edited;
}

/** Written with zeros before it, it is the same number. */
function isNumber(field: string | undefined, number: number): boolean {
  return field !== undefined && /^\d{1,10}$/.test(field) && Number(field) === number;
}
