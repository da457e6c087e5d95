import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { type Clock, isSlipwayError, type Logger, messageOf, SlipwayError, systemClock } from '@slipway/core';
import { type EnrolmentAnswer, FleetProblem, type UpdatePhase } from '@slipway/fleet-api';
import type { AgentConfig } from '../config/agent-config.ts';
import type { HookMoment } from '../host/hooks.ts';
import type { SlipwayHost } from '../host/slipway-host.ts';
import { forgetSsh, keepSshCertificates, type SshPlaces } from '../host/ssh-certificates.ts';
import { openDeviceKey } from '../key/device-keys.ts';
import { Tpm } from '../key/tpm.ts';
import { enrol } from '../protocol/enrol.ts';
import { FleetLink } from '../protocol/fleet-link.ts';
import type { DeviceIdentity } from '../protocol/identity.ts';
import type { AgentFiles } from '../record/agent-files.ts';
import { type AgentEnd, DeviceAgent } from './device-agent.ts';
import type { LobbyNotice } from './lobby-notice.ts';
import { pause } from './pause.ts';
import { backOff } from './waiting.ts';

export interface RunAgentOptions {
  readonly config: AgentConfig;
  readonly files: AgentFiles;
  readonly host: SlipwayHost;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Tells whoever stands in front of the host that it waits in the lobby. */
  readonly notice?: LobbyNotice;
  /** Of the ssh server of the host, for a configuration that wants it. */
  readonly sshPlaces?: SshPlaces;
  /** Default: the one tpm2-tools find. */
  readonly tpm?: Tpm;
  /** It is a device now: a service manager is told. */
  readonly onEnrolled?: (name: string) => Promise<void>;
}

/** Hooks that run after something came about. */
const HOOKS: Partial<Readonly<Record<UpdatePhase, HookMoment>>> = {
  verifying: 'after-reboot',
  succeeded: 'after-update',
};

/**
 * Enrols this host if it has not, and looks after it until the signal, a reboot, or its decommissioning.
 *
 * @throws SlipwayError FLEET_FORBIDDEN when the fleet rejects the host, AGENT_CONFIG_INVALID, AGENT_KEY_UNUSABLE
 */
export async function runAgent(options: RunAgentOptions): Promise<AgentEnd> {
  const { config, files, host, signal, log } = options;
  await files.prepare();
  const authority = await readAuthority(config);
  const key = await openDeviceKey({ files, tpm: options.tpm ?? new Tpm(), choice: config.deviceKey, log });
  const identity = await identityOf(options, authority, key.pem);
  await options.onEnrolled?.(identity.name);
  const keep = async (renewed: DeviceIdentity): Promise<void> =>
    await files.saveIdentity(config.server, renewed);
  using link = new FleetLink({ server: config.server, identity, keep });
  // One after another, while the agent goes on.
  let late = Promise.resolve();
  const agent = new DeviceAgent({
    host,
    store: files,
    link,
    clock: options.clock ?? systemClock,
    log,
    longPoll: true,
    facts: { keyStorage: key.storage },
    onPhase: (phase) => {
      late = late.then(() => runLateHooks(options, phase));
    },
  });
  const over = new AbortController();
  const ssh = keepSsh(options, link, AbortSignal.any([signal, over.signal]));
  try {
    const end = await agent.run(signal);
    over.abort();
    await ssh;
    if (end === 'forgotten' && options.sshPlaces !== undefined) await forgetSsh(options.sshPlaces);
    return end;
  } finally {
    over.abort();
    await ssh;
    await late;
  }
}

async function keepSsh(options: RunAgentOptions, link: FleetLink, signal: AbortSignal): Promise<void> {
  const { config, sshPlaces: places, log, clock = systemClock } = options;
  if (config.ssh && places !== undefined) await keepSshCertificates({ link, places, clock, log }, signal);
}

/**
 * What this host is to its fleet. Where its certificate ended while it was off it has nothing to show and asks again, by the same key and
 * without its token, which may be used up: a person looks at it in the lobby.
 */
async function identityOf(
  options: RunAgentOptions,
  authority: string | undefined,
  key: string,
): Promise<DeviceIdentity> {
  const { config, files, log, clock = systemClock } = options;
  const identity = await files.identity(config.server, key);
  if (identity === undefined) return await becomeDevice(options, authority, key);
  const until = new X509Certificate(identity.certificate).validTo;
  if (clock.nowMs() < Date.parse(until)) return identity;
  const { name } = identity;
  log.warn('the certificate of this host has ended; it asks to be let in again', { name, until });
  return await becomeDevice({ ...options, config: { ...config, token: undefined } }, authority, key);
}

/** A server that cannot be reached is asked again, ever more rarely; a refusal is final. */
async function becomeDevice(
  options: RunAgentOptions,
  authority: string | undefined,
  key: string,
): Promise<DeviceIdentity> {
  try {
    return await letIn(options, authority, key);
  } finally {
    await options.notice?.clear();
  }
}

async function letIn(
  { config, files, signal, log, notice }: RunAgentOptions,
  authority: string | undefined,
  key: string,
): Promise<DeviceIdentity> {
  const { server, token, organisation, labels } = config;
  const ask = {
    hostname: hostname(),
    labels,
    ...(token === undefined ? {} : { token }),
    ...(organisation === undefined ? {} : { organisation }),
  };
  const onPending = async ({ name, approveUrl }: EnrolmentAnswer): Promise<void> => {
    log.info('waiting to be let in', { name, approveUrl });
    await notice?.show({ server, name, approveUrl, key });
  };
  for (let failures = 1; ; failures += 1) {
    try {
      const identity = await enrol({ server, authority, key, ask, signal, onPending });
      await files.saveIdentity(server, identity);
      log.info('this host is a device of the fleet', { name: identity.name, server });
      return identity;
    } catch (thrown) {
      if (signal.aborted || isFinal(thrown)) throw thrown;
      const restMs = backOff(failures, Math.random());
      log.warn('cannot enrol; it will be tried again', { reason: messageOf(thrown), restMs });
      await pause(restMs, signal);
    }
  }
}

function isFinal(thrown: unknown): boolean {
  return (
    isSlipwayError(thrown, 'FLEET_FORBIDDEN') ||
    (thrown instanceof FleetProblem && thrown.problem.status < 500)
  );
}

async function readAuthority({ authority }: AgentConfig): Promise<string | undefined> {
  if (authority === undefined) return undefined;
  try {
    return await readFile(authority, 'utf8');
  } catch (cause) {
    throw new SlipwayError('AGENT_CONFIG_INVALID', `cannot read ${authority}: ${messageOf(cause)}`, {
      hint: 'authority names the file with the certificate of the server’s authority',
      cause,
    });
  }
}

/** What has come about is not undone by a hook that fails: that is said, and no more. */
async function runLateHooks({ host, signal, log }: RunAgentOptions, phase: UpdatePhase): Promise<void> {
  const moment = HOOKS[phase];
  if (moment === undefined) return;
  try {
    await host.hooks(moment, null, signal);
  } catch (thrown) {
    log.warn('a hook failed', { moment, reason: messageOf(thrown) });
  }
}
