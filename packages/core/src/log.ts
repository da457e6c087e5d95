/** Facts attached to a log line. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/**
 * Where a step says what it does. Passed in, never global: whoever starts the work owns its output.
 * Messages are constant text; what varies goes into the fields.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** A logger that says nothing. */
export const silentLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
