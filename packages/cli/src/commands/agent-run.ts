import {
  AgentFiles,
  consoleNotice,
  HOOK_DIRECTORIES,
  type KeyChoice,
  readAgentConfig,
  runAgent,
  SlipwayHost,
} from '@slipway/agent';
import { type Logger, operation } from '@slipway/core';
import { runningSystem } from '@slipway/host';
import { notifyServiceManager } from '@slipway/linux';
import type { CommandContext } from '../command/spec.ts';
import { asErrors } from '../fleet/server-refusal.ts';
import { reboot } from './reboot.ts';

interface AgentRunInput {
  readonly config: string;
  readonly state: string;
  readonly deviceKey: KeyChoice | undefined;
}

const REBOOT_MS = 600_000;
/** Above the login prompts. */
const ISSUE_DIRECTORY = '/run/issue.d';
/** sshd reads from here as the person who comes, to whom the directory of the agent is closed. */
const SSH_PLACES = { hostKey: '/etc/ssh/ssh_host_ed25519_key.pub', directory: '/var/lib/slipway/ssh' };

/** `slipway agent run`: until it is told to stop, the host goes down, or it is no device any more: all are good ends. */
export async function agentRun(input: AgentRunInput, context: CommandContext): Promise<number> {
  const { signal, log } = context.operation;
  const written = await readAgentConfig(input.config);
  const config = { ...written, deviceKey: input.deviceKey ?? written.deviceKey };
  const files = new AgentFiles(input.state, log);
  const host = new SlipwayHost({
    system: runningSystem(),
    files,
    root: '/',
    hookDirectories: HOOK_DIRECTORIES,
    reboot: async (options) => await reboot(operation(options), 'never'),
    log,
  });
  // Ready is to be at work: a host that waits in the lobby must not hold a boot up.
  await notifyServiceManager({ READY: '1', STATUS: `asking ${config.server}` });
  const onEnrolled = async (name: string): Promise<void> => {
    await notifyServiceManager({ STATUS: `device ${name} of ${config.server}` });
  };
  const notice = consoleNotice(ISSUE_DIRECTORY, log);
  const end = await asErrors(
    async () =>
      await runAgent({ config, files, host, signal, log, notice, onEnrolled, sshPlaces: SSH_PLACES }),
  );
  if (end === 'restarting') return await waitForEnd(signal, log);
  await notifyServiceManager({ STOPPING: '1', STATUS: end });
  return 0;
}

/** The reboot ends this process. Where nothing came of it, as when something inhibits it, the next start asks for it again. */
async function waitForEnd(signal: AbortSignal, log: Logger): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, REBOOT_MS);
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await promise;
  clearTimeout(timer);
  if (signal.aborted) return 0;
  log.error('the host did not go down', { waitedMs: REBOOT_MS });
  return 1;
}
