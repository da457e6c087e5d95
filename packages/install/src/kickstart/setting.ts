import type { KickstartCommand } from './parser.ts';

/** The text of an option; undefined when it was not given. */
export function textOf({ options }: KickstartCommand, name: string): string | undefined {
  const value = options.get(name);
  return typeof value === 'string' ? value : undefined;
}

export function numberOf({ options }: KickstartCommand, name: string): number | undefined {
  const value = options.get(name);
  return typeof value === 'number' ? value : undefined;
}

export function listOf({ options }: KickstartCommand, name: string): readonly string[] {
  const value = options.get(name);
  return typeof value === 'object' ? value : [];
}

/** Whether a flag is given, or a yes-or-no option says yes. */
export function isOn({ options }: KickstartCommand, name: string): boolean {
  return options.get(name) === true;
}
