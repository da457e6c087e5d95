import { type Logger, silentLog } from '@slipway/core';

/** Says what a server under test could not do, and nothing else. */
export const failuresLog: Logger = {
  ...silentLog,
  error: (message, fields) => process.stderr.write(`${message} ${JSON.stringify(fields, undefined, 2)}\n`),
};
