import { type Clock, isoTime, type LogFields, type Logger } from '@slipway/core';
import { safeText } from './safe-text.ts';
import type { Style } from './style.ts';

/** How loud a line is. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Receives one finished line. */
export type LineWriter = (line: string) => void;

/** Lines for people: `warning: the message (field=value)`; info has no prefix. */
export function textLogger(write: LineWriter, least: LogLevel, style: Style): Logger {
  const prefix: Readonly<Record<LogLevel, string>> = {
    debug: style.dim('debug: '),
    info: '',
    warn: style.warn('warning: '),
    error: style.bad('error: '),
  };
  return loggerFrom(least, (level, message, fields) => {
    const facts = Object.entries(fields).map(([key, fact]) => `${key}=${String(fact)}`);
    const tail = facts.length === 0 ? '' : style.dim(` (${safeText(facts.join(', '))})`);
    write(`${prefix[level]}${safeText(message)}${tail}`);
  });
}

/** One JSON object a line, for programs. */
export function jsonLogger(write: LineWriter, least: LogLevel, clock: Clock): Logger {
  return loggerFrom(least, (level, message, fields) => {
    write(JSON.stringify({ type: 'log', time: isoTime(clock), level, message, fields }));
  });
}

type Emit = (level: LogLevel, message: string, fields: LogFields) => void;

function loggerFrom(least: LogLevel, emit: Emit): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (LEVELS.indexOf(level) >= LEVELS.indexOf(least)) emit(level, message, present(fields));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function present(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).filter(([, fact]) => fact !== undefined));
}
