/** What the catalogue knows about one error code. */
export interface ErrorDefinition {
  /** Exit code of the command line: 1 a negative answer, 2 usage, 3 bad input, 4 the environment lacks something, 5 an outside system failed, 125 a bug of ours. */
  readonly exitCode: 1 | 2 | 3 | 4 | 5 | 125;
  /** HTTP status when the same failure is answered over an API. */
  readonly httpStatus: number;
  /** One sentence for the reference page: when this happens. */
  readonly summary: string;
}
