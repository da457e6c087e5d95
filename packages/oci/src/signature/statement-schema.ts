/** The grammar of an in-toto statement, version 1, as far as it is read here. Apart, because zod costs 30 ms to load. */
import * as z from 'zod';

/** A statement about something with a digest. */
export interface StatementJson {
  readonly subject: readonly {
    readonly name?: string | undefined;
    readonly digest: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, unknown>> | undefined;
  }[];
  readonly predicateType: string;
  readonly annotations?: Readonly<Record<string, unknown>> | undefined;
}

export const statementSchema: z.ZodType<StatementJson> = z.object({
  _type: z.enum(['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']),
  subject: z
    .array(
      z.object({
        name: z.string().optional(),
        digest: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .max(1024),
  predicateType: z.string(),
  annotations: z.record(z.string(), z.unknown()).optional(),
});
