import { readFile, stat } from 'node:fs/promises';
import { messageOf, SlipwayError } from '@slipway/core';
import { type ConfigTarget, type FieldLocator, MAX_CONFIG_BYTES, parseConfig } from './parse-config.ts';
import type { ImageConfig } from './types.ts';

/** A configuration and where it came from. */
export interface ConfigFile {
  readonly path: string;
  readonly config: ImageConfig;
  /** Finds the place of a field in the file. */
  readonly where: FieldLocator;
}

/**
 * Reads a configuration file; one that begins with `{` is JSON, others are TOML.
 *
 * @throws SlipwayError CONFIG_INVALID with everything that is wrong, each with line and column; IO_FAILED
 */
export async function loadConfig(path: string, target: ConfigTarget): Promise<ConfigFile> {
  return configOf(path, await readText(path), target);
}

/** The same of a text that was read already. */
export function configOf(path: string, text: string, target: ConfigTarget): ConfigFile {
  const parsed = parseConfig(text, /^\s*\{/.test(text) ? 'json' : 'toml', target);
  if (parsed.kind === 'config') return { path, config: parsed.config, where: parsed.where };
  const { problems } = parsed;
  const findings = problems.map(
    ({ line, column, field, message }) => `${path}:${line}:${column}: ${field}: ${message}`,
  );
  throw new SlipwayError(
    'CONFIG_INVALID',
    `cannot use the configuration ${path}: ${countOf(problems.length)}`,
    { findings },
  );
}

function countOf(problems: number): string {
  return problems === 1 ? 'one problem' : `${problems} problems`;
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_CONFIG_BYTES)
      throw new SlipwayError('CONFIG_INVALID', `cannot use the configuration ${path}: it has ${size} bytes`);
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof SlipwayError) throw cause;
    throw new SlipwayError('IO_FAILED', `cannot read the configuration ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
