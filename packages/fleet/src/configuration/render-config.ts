import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { isSlipwayError, messageOf } from '@slipway/core';
import type { ConfigFile, DesiredState, FleetSpec, TemplateDevice } from '@slipway/fleet-api';
import type { FleetDatabase } from '../database/database.ts';
import {
  type ConfigSource,
  entryOf,
  isInline,
  keyOf,
  nameOf,
  type Resolved,
  sourceOf,
  textFor,
} from './config-source.ts';
import type { SecretFiles } from './secret-files.ts';
import { addSources, contentsOf, type FleetSources, MAX_SOURCES, type NamedSource } from './source-store.ts';

/** Of all files of a device together, before base64. */
const MAX_CONFIG_BYTES = 8 * 2 ** 20;

/** A configuration as a device is told it, and why it is not what the fleet says. */
export interface RenderedConfig {
  /** Undefined: it cannot be said what it is. */
  readonly config: DesiredState['config'] | undefined;
  readonly problem: string | null;
}

/** A device in its fleet. */
export interface ConfiguredDevice extends TemplateDevice {
  readonly organisation: string;
}

/** A fleet as far as its configuration goes. */
export interface ConfiguringFleet {
  readonly name: string;
  readonly spec: FleetSpec;
  readonly sources: FleetSources;
}

interface Rendering {
  readonly database: FleetDatabase;
  readonly secrets: SecretFiles;
}

export const NO_CONFIG: DesiredState['config'] = { digest: null, files: [], apps: [], trySeconds: null };

interface Body {
  readonly bytes: Buffer;
  /** The source of it failed since: these bytes are from before. */
  readonly problem: string | null;
}

/**
 * The configuration of a device, from what is known of its sources: what was had of one last is used as long as it cannot be had anew.
 * Sources nobody asked for yet are noted, and looked at soon.
 */
export async function renderConfig(
  rendering: Rendering,
  device: ConfiguredDevice,
  fleet: ConfiguringFleet,
): Promise<RenderedConfig> {
  const { config = [], apps = [], trySeconds = null } = fleet.spec;
  const bodies = await bodiesOf(rendering, device, fleet, config);
  const quadlets = apps.map(({ name, quadlet, template }) => ({
    name,
    filled: template === false ? { value: quadlet } : textFor(quadlet, device),
  }));
  const problems = [
    ...bodies.map((body, index) => told(config[index]?.path, body)),
    ...quadlets.map(({ name, filled }) => told(`the app ${name}`, filled)),
  ].filter((problem) => problem !== null);
  const problem = problems[0] ?? null;
  const files = config.flatMap(({ path, mode }, index) => {
    const body = bodies[index];
    if (body === undefined || !('value' in body)) return [];
    const contentBase64 = body.value.bytes.toString('base64');
    return [{ path, mode: (mode ?? '0644').padStart(4, '0'), contentBase64 }];
  });
  const desiredApps = quadlets.flatMap(({ name, filled }) =>
    'value' in filled ? [{ name, quadlet: filled.value }] : [],
  );
  if (files.length < config.length || desiredApps.length < apps.length) return { config: undefined, problem };
  const bytes = files.reduce((sum, { contentBase64 }) => sum + contentBase64.length * 0.75, 0);
  if (bytes > MAX_CONFIG_BYTES)
    return { config: undefined, problem: `its files have more than ${MAX_CONFIG_BYTES} bytes` };
  if (files.length + desiredApps.length === 0) return { config: { ...NO_CONFIG, trySeconds }, problem };
  const all = JSON.stringify([files, desiredApps]);
  const hasSecrets = config.some(({ secret }) => secret !== undefined);
  const digest = hasSecrets ? rendering.secrets.digest(all) : `sha256:${hash('sha256', all, 'hex')}`;
  return { config: { digest, files, apps: desiredApps, trySeconds }, problem };
}

function told(what: string | undefined, body: Resolved<unknown>): string | null {
  const problem = 'problem' in body ? body.problem : (body.value as Partial<Body>).problem;
  return problem == null ? null : `its configuration is not the fleet's: ${what ?? ''}: ${problem}`;
}

async function bodiesOf(
  rendering: Rendering,
  device: ConfiguredDevice,
  fleet: ConfiguringFleet,
  config: readonly ConfigFile[],
): Promise<readonly Resolved<Body>[]> {
  const sources = config.map((file) => (isInline(file) ? undefined : sourceOf(file, device)));
  const named = sources.flatMap((resolved, index): NamedSource[] => {
    const file = config[index];
    return resolved === undefined || file === undefined || !('value' in resolved)
      ? []
      : [{ source: resolved.value, entry: entryOf(file) }];
  });
  const isFull = await noteSources(rendering, device, fleet, named);
  const { organisation } = device;
  const keys = named.filter(({ source }) => source.kind !== 'secret').map(({ source }) => keyOf(source));
  const contents = await contentsOf(rendering.database.reads, organisation, fleet.name, keys);
  const read = async (source: ConfigSource): Promise<Resolved<Body>> => {
    const state = fleet.sources.states.get(keyOf(source));
    if (source.kind === 'secret' && state !== undefined)
      return await secretBody(rendering.secrets, { organisation, fleet: fleet.name, file: source.file });
    const bytes = contents.get(keyOf(source));
    const reason = state?.problem == null ? null : `${nameOf(source)}: ${state.problem}`;
    if (bytes !== undefined) return { value: { bytes, problem: reason } };
    if (state === undefined && isFull)
      return { problem: `the fleet has more than ${MAX_SOURCES} different sources` };
    return { problem: reason ?? `${nameOf(source)} was not asked for yet` };
  };
  return await Promise.all(
    config.map(async (file, index): Promise<Resolved<Body>> => {
      const resolved = sources[index];
      if (resolved !== undefined && !('value' in resolved)) return resolved;
      const body: Resolved<Body> =
        resolved === undefined
          ? { value: { bytes: Buffer.from(file.content ?? ''), problem: null } }
          : await read(resolved.value);
      const isTemplate = file.template ?? isInline(file);
      return isTemplate && 'value' in body ? filledBody(body.value, device) : body;
    }),
  );
}

/** Whether there is no room for more. */
async function noteSources(
  { database }: Rendering,
  { organisation }: ConfiguredDevice,
  { name, sources }: ConfiguringFleet,
  named: readonly NamedSource[],
): Promise<boolean> {
  const unknown = named.filter(({ source }) => !sources.states.has(keyOf(source)));
  if (unknown.length === 0) return false;
  if (sources.states.size + unknown.length > MAX_SOURCES) return true;
  await addSources(database, organisation, name, unknown);
  return false;
}

async function secretBody(
  secrets: SecretFiles,
  name: Parameters<SecretFiles['read']>[0],
): Promise<Resolved<Body>> {
  try {
    return { value: { bytes: await secrets.read(name), problem: null } };
  } catch (error) {
    if (!isSlipwayError(error, 'FLEET_SOURCE_FAILED')) throw error;
    return { problem: messageOf(error) };
  }
}

function filledBody({ bytes, problem }: Body, device: TemplateDevice): Resolved<Body> {
  if (!isUtf8(bytes)) return { problem: 'it is a template and not text' };
  const filled = textFor(bytes.toString('utf8'), device);
  return 'value' in filled ? { value: { bytes: Buffer.from(filled.value), problem } } : filled;
}
