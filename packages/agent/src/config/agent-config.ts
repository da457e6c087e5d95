import { readFile } from 'node:fs/promises';
import { messageOf, SlipwayError } from '@slipway/core';
import { type Labels, labelsSchema, nameSchema } from '@slipway/fleet-api';
import { parse } from 'smol-toml';
import * as z from 'zod';
import type { KeyChoice } from '../key/device-keys.ts';

/** Where a host enrols, and as what: `/etc/slipway/agent.toml`. */
export interface AgentConfig {
  /** `https://HOST:PORT`. */
  readonly server: string;
  /** File with the certificates to check the server with, PEM; without it those of the system. */
  readonly authority: string | undefined;
  /** Enrolment token; without it the host waits in the lobby. */
  readonly token: string | undefined;
  readonly organisation: string | undefined;
  /** Labels it asks for. */
  readonly labels: Labels;
  /** Let people of the fleet in by ssh, as their certificates say. */
  readonly ssh: boolean;
  /** Where its key is kept. */
  readonly deviceKey: KeyChoice;
}

const serverSchema = z
  .url({ protocol: /^https$/ })
  .refine((text) => new URL(text).pathname === '/', 'must be https://HOST:PORT without a path')
  .transform((text) => new URL(text).origin);

const configSchema = z.strictObject({
  server: serverSchema,
  authority: z.string().startsWith('/', 'must be an absolute path').optional(),
  token: z.string().min(1).max(256).optional(),
  organisation: nameSchema.optional(),
  labels: labelsSchema.optional(),
  ssh: z.boolean().optional(),
  'device-key': z.enum(['auto', 'tpm', 'file']).optional(),
});

/** @throws SlipwayError AGENT_CONFIG_INVALID */
export async function readAgentConfig(path: string): Promise<AgentConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new SlipwayError('AGENT_CONFIG_INVALID', `cannot read ${path}: ${messageOf(cause)}`, {
      hint: 'write it with at least: server = "https://HOST:PORT"',
      cause,
    });
  }
  return parseAgentConfig(text, path);
}

/**
 * @param path for errors
 * @throws SlipwayError AGENT_CONFIG_INVALID
 */
export function parseAgentConfig(text: string, path: string): AgentConfig {
  const parsed = configSchema.safeParse(parseToml(text, path));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(path, `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
  }
  const { server, authority, token, organisation, labels = {}, ssh = false } = parsed.data;
  const deviceKey = parsed.data['device-key'] ?? 'auto';
  return { server, authority, token, organisation, labels, ssh, deviceKey };
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (thrown) {
    throw invalid(path, messageOf(thrown).split('\n')[0] ?? 'it is no TOML');
  }
}

function invalid(path: string, why: string): SlipwayError {
  return new SlipwayError('AGENT_CONFIG_INVALID', `cannot use ${path}: ${why}`, {
    hint: 'keys are server, authority, token, organisation, ssh, device-key and the table labels',
    details: { path },
  });
}
