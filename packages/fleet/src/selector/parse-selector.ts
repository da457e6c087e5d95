import { SlipwayError } from '@slipway/core';
import {
  isSelectorProblem,
  type LabelCondition,
  labelNameFault,
  labelValueFault,
  parseSelector as parseApiSelector,
} from '@slipway/fleet-api';
import type { Requirement, Selector } from './selector.ts';

/** Of a selector, in a message. */
const MAX_SHOWN = 256;

/**
 * Reads a selector as the API does, into what the engine works with.
 *
 * @throws SlipwayError SELECTOR_INVALID, with the column where reading stopped
 */
export function parseSelector(text: string): Selector {
  const parsed = parseApiSelector(text);
  if (isSelectorProblem(parsed)) throw refused(text.slice(0, MAX_SHOWN), parsed.column, parsed.problem);
  return { requirements: parsed.map(requirementOf) };
}

/** `matchLabels` and `matchExpressions` of a Kubernetes resource. */
export interface SelectorResource {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

/**
 * Takes a selector out of a resource written the way of Kubernetes.
 *
 * @throws SlipwayError SELECTOR_INVALID
 */
export function selectorOfResource({ matchLabels = {}, matchExpressions = [] }: SelectorResource): Selector {
  const texts = Object.entries(matchLabels).map(([key, value]) => checked(key, [value], `${key}=${value}`));
  for (const { key, operator, values = [] } of matchExpressions) {
    const isSet = operator === 'In' || operator === 'NotIn';
    if (isSet !== values.length > 0) {
      throw refused(key, 1, isSet ? `${operator} needs values` : `${operator} takes no values`);
    }
    const set = `(${values.join(',')})`;
    const written = {
      In: `${key} in ${set}`,
      NotIn: `${key} notin ${set}`,
      Exists: key,
      DoesNotExist: `!${key}`,
    };
    texts.push(checked(key, values, written[operator]));
  }
  return parseSelector(texts.join(','));
}

/** Keys and values must be whole words before they are put together, or one could smuggle in another demand. */
function checked(key: string, values: readonly string[], text: string): string {
  const fault = labelNameFault(key) ?? values.map(labelValueFault).find((found) => found !== undefined);
  if (fault !== undefined) throw refused(text, 1, fault);
  return text;
}

function requirementOf(condition: LabelCondition): Requirement {
  const { label: key } = condition;
  if ('values' in condition) {
    return { key, operator: condition.operator === 'in' ? 'in' : 'notin', values: condition.values };
  }
  return { key, operator: condition.operator === 'exists' ? 'exists' : 'not-exists' };
}

function refused(text: string, column: number, why: string): SlipwayError {
  return new SlipwayError(
    'SELECTOR_INVALID',
    `cannot read the selector ${JSON.stringify(text)}: column ${column}: ${why}`,
    {
      hint: 'write demands like kubectl does: stage=canary,store in (7,8),tier!=db,gpu,!legacy',
      details: { column },
    },
  );
}
