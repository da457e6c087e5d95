import * as z from 'zod';

/** Labels: what people say about a thing. Facts are what a device says about itself. */
export type Labels = Readonly<Record<string, string>>;

const LABEL_NAME = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?)?$/;

/** Undefined for a name that may be used, else what is wrong with it. */
export function labelNameFault(name: string): string | undefined {
  return LABEL_NAME.test(name)
    ? undefined
    : 'a name has 1 to 128 letters, digits, ".", "_", "/" and "-", and starts and ends with a letter or digit';
}

/** Undefined for a value that may be used, else what is wrong with it. Values may be empty. */
export function labelValueFault(value: string): string | undefined {
  return LABEL_VALUE.test(value)
    ? undefined
    : 'a value has at most 128 letters, digits, ".", "_", ":" and "-", and starts and ends with a letter or digit';
}

export const labelNameSchema: z.ZodString = z.string().regex(LABEL_NAME, 'must be the name of a label');
const labelValueSchema = z
  .string()
  .regex(LABEL_VALUE, 'must be a value of a label: letters, digits, . _ : -');

export const labelsSchema: z.ZodType<Labels> = z
  .record(labelNameSchema, labelValueSchema)
  .refine((labels) => Object.keys(labels).length <= 64, 'must be 64 labels at most');
