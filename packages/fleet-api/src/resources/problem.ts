import * as z from 'zod';

/** A failure (RFC 9457). `code` is one of the error catalogue. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly hint?: string;
  /** Everything found wrong, one line each. */
  readonly findings?: readonly string[];
  readonly requestId?: string;
}

export const problemSchema: z.ZodType<Problem> = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    hint: z.string().exactOptional(),
    findings: z.array(z.string()).exactOptional(),
    requestId: z.string().exactOptional(),
  })
  .meta({ id: 'Problem' });
