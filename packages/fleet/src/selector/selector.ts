/**
 * Label selectors in the grammar of kubectl: `stage=canary,store in (7,8),tier!=db,gpu,!legacy`.
 *
 * A comma means "and". `!=` and `notin` also match where the label is missing, as in Kubernetes.
 */

/** Labels of a device, or facts of it: whatever a selector chooses by. */
export type Labels = Readonly<Record<string, string>>;

/** One demand of a selector. Values are sorted and unique; there is at least one. */
export type Requirement =
  | { readonly key: string; readonly operator: 'in' | 'notin'; readonly values: readonly string[] }
  | { readonly key: string; readonly operator: 'exists' }
  | { readonly key: string; readonly operator: 'not-exists' };

/** All demands must be met; none at all selects everything. */
export interface Selector {
  readonly requirements: readonly Requirement[];
}

/** Selects every device. */
export const EVERYTHING: Selector = { requirements: [] };

/** Whether labels meet every demand of a selector. */
export function matches(selector: Selector, labels: Labels): boolean {
  return selector.requirements.every((requirement) => meets(requirement, labels));
}

function meets(requirement: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  if (requirement.operator === 'exists') return value !== undefined;
  if (requirement.operator === 'not-exists') return value === undefined;
  const isListed = value !== undefined && requirement.values.includes(value);
  return isListed === (requirement.operator === 'in');
}

/** The one text of a selector: demands sorted, without doubles, a single value written with `=` or `!=`. */
export function formatSelector(selector: Selector): string {
  const demands = new Set(selector.requirements.map(formatRequirement));
  return [...demands].sort().join(',');
}

function formatRequirement(requirement: Requirement): string {
  const { key } = requirement;
  if (requirement.operator === 'exists') return key;
  if (requirement.operator === 'not-exists') return `!${key}`;
  const { operator, values } = requirement;
  const [only = ''] = values;
  if (values.length === 1) return `${key}${operator === 'in' ? '=' : '!='}${only}`;
  return `${key} ${operator} (${values.join(',')})`;
}
