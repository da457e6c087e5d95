export {
  type ByteStream,
  chunkSizeFor,
  collectBytes,
  compareBytes,
  copiedInPieces,
  formatBytes,
  freeBytes,
  freeEngineChunk,
  roundUp,
} from './bytes.ts';
export { changedCharacters } from './changed-characters.ts';
export { type Clock, isoTime, systemClock } from './clock.ts';
export { type Column, FIRST_ROOM, grown } from './column.ts';
export { ERRORS, type ErrorCode } from './errors/catalogue.ts';
export type { ErrorDefinition } from './errors/define.ts';
export {
  type ErrorContext,
  errnoOf,
  isSlipwayError,
  messageOf,
  SlipwayError,
} from './errors/slipway-error.ts';
export { type SystemRefusal, systemRefusal } from './errors/system-error.ts';
export { type LogFields, type Logger, silentLog } from './log.ts';
export { type Operation, type OperationOptions, operation } from './operation.ts';
export {
  type ProgressEvent,
  type ProgressSink,
  type ProgressTask,
  type ProgressUnit,
  silentProgress,
  startTask,
} from './progress.ts';
export { type RunOptions, type RunResult, run } from './run.ts';
export { makeLargeTempDir, makeTempDir, type TempDir } from './temp-dir.ts';
export { VERSION, VERSION_SEC } from './version.ts';
