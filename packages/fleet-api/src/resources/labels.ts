import * as z from 'zod';

/** Labels: what people say about a thing. Facts are what a device says about itself. */
export type Labels = Readonly<Record<string, string>>;

const LABEL_NAME = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?)?$/;

export const labelNameSchema: z.ZodString = z.string().regex(LABEL_NAME, 'must be the name of a label');
const labelValueSchema = z
  .string()
  .regex(LABEL_VALUE, 'must be a value of a label: letters, digits, . _ : -');

export const labelsSchema: z.ZodType<Labels> = z
  .record(labelNameSchema, labelValueSchema)
  .refine((labels) => Object.keys(labels).length <= 64, 'must be 64 labels at most');

/** One condition of a selector on one label; all conditions of a selector must hold. */
export type LabelCondition =
  | { readonly label: string; readonly operator: 'in' | 'not-in'; readonly values: readonly string[] }
  | { readonly label: string; readonly operator: 'exists' | 'missing' };

/** Thrown as a value: why a selector does not parse. */
export interface SelectorProblem {
  readonly problem: string;
}

/**
 * Parses a label selector as `kubectl -l` takes it: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, joined by commas.
 * The empty selector selects everything.
 */
export function parseSelector(text: string): readonly LabelCondition[] | SelectorProblem {
  const conditions: LabelCondition[] = [];
  for (const part of splitTopLevel(text)) {
    const condition = parseCondition(part.trim());
    if (condition === undefined) return { problem: `'${part.trim()}' is not a condition on a label` };
    conditions.push(condition);
  }
  return conditions;
}

export function isSelectorProblem(
  parsed: readonly LabelCondition[] | SelectorProblem,
): parsed is SelectorProblem {
  return 'problem' in parsed;
}

/** Whether labels satisfy every condition. */
export function matchesLabels(conditions: readonly LabelCondition[], labels: Labels): boolean {
  return conditions.every((condition) => {
    const value = Object.hasOwn(labels, condition.label) ? labels[condition.label] : undefined;
    if (!('values' in condition)) {
      return (value !== undefined) === (condition.operator === 'exists');
    }
    const isListed = value !== undefined && condition.values.includes(value);
    return condition.operator === 'in' ? isListed : !isListed;
  });
}

function splitTopLevel(text: string): readonly string[] {
  if (text.trim() === '') return [];
  return text.split(/,(?![^(]*\))/);
}

function parseCondition(text: string): LabelCondition | undefined {
  const set = /^(?<label>\S+)\s+(?<operator>in|notin)\s+\((?<values>[^()]*)\)$/.exec(text)?.groups;
  if (set !== undefined) {
    const values = (set['values'] ?? '').split(',').map((value) => value.trim());
    return conditionOf(set['label'] ?? '', set['operator'] === 'in' ? 'in' : 'not-in', values);
  }
  const equal = /^(?<label>[^=!\s]+)\s*(?<operator>==?|!=)\s*(?<value>[^=!\s]*)$/.exec(text)?.groups;
  if (equal !== undefined) {
    const operator = equal['operator'] === '!=' ? 'not-in' : 'in';
    return conditionOf(equal['label'] ?? '', operator, [equal['value'] ?? '']);
  }
  const missing = text.startsWith('!');
  const label = missing ? text.slice(1).trim() : text;
  return LABEL_NAME.test(label) ? { label, operator: missing ? 'missing' : 'exists' } : undefined;
}

function conditionOf(
  label: string,
  operator: 'in' | 'not-in',
  values: readonly string[],
): LabelCondition | undefined {
  const isValid = LABEL_NAME.test(label) && values.every((value) => LABEL_VALUE.test(value));
  return isValid ? { label, operator, values } : undefined;
}

/** A selector as text, checked. */
export const selectorSchema: z.ZodType<string> = z
  .string()
  .max(4096)
  .refine(
    (text) => !isSelectorProblem(parseSelector(text)),
    'must be a label selector, such as site=berlin,!spare',
  );
