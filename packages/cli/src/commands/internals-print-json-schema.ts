import type { CommandContext } from '../command/spec.ts';
import { HOST_SCHEMA } from '../schema/host.ts';
import { type JsonSchema, PROGRESS_SCHEMA } from '../schema/progress.ts';

/** `slipway internals print-json-schema --of host|progress|config`. */
export async function printJsonSchema(
  input: { readonly of: 'host' | 'progress' | 'config' },
  context: CommandContext,
): Promise<number> {
  const schema = await schemaOf(input.of);
  context.print(`${JSON.stringify(schema, undefined, 2)}\n`);
  return 0;
}

async function schemaOf(name: 'host' | 'progress' | 'config'): Promise<JsonSchema> {
  if (name === 'config') return (await import('@slipway/install')).configJsonSchema();
  return name === 'host' ? HOST_SCHEMA : PROGRESS_SCHEMA;
}
