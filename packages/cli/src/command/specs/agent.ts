import { choice, valueOr } from '../option.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';

/** A host as a device of a fleet. */
export const AGENT_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['agent', 'run'],
    summary: 'look after this host as a device of a fleet',
    description: [
      'Makes a key, enrols at the server of the configuration, and from then on makes this host what its fleet wants: downloads and stages images, restarts into them, proves them, writes configuration files, and tells the server. It only ever asks; nothing connects to it.',
      'The service slipway-agent runs it where /etc/slipway/agent.toml is. The file has at least server = "https://HOST:PORT"; authority names the file with the certificate of its authority, token an enrolment token (without one the host waits in the lobby), and the table labels what it asks for.',
      'The key of the host is sealed by its TPM where there is one and tpm2-tools are installed, and else in a file; device-key = "tpm" or "file" insists, and moves the key. The fleet is told which in the fact keyStorage.',
      'Configuration of a fleet with a try time is taken back unless the server is heard of again with it. Executables in before-update, after-update, before-reboot and after-reboot below /usr/lib/slipway/hooks.d and /etc/slipway/hooks.d run at those times; one that fails before something stops it.',
    ],
    arguments: {},
    options: {
      config: valueOr('/etc/slipway/agent.toml', 'FILE', 'configuration', { completion: 'file' }),
      state: valueOr('/var/lib/slipway/agent', 'DIR', 'where key, certificate and record are', {
        completion: 'directory',
      }),
      deviceKey: choice(
        ['auto', 'tpm', 'file'],
        'where the key is kept, instead of what device-key of the configuration says',
      ),
    },
    examples: [
      { command: 'slipway agent run', why: 'what slipway-agent.service runs' },
      {
        command: 'slipway agent run --device-key tpm',
        why: 'never leave the key readable on the disk, and fail where there is no TPM',
      },
    ],
    load: async () => (await import('../../commands/agent-run.ts')).agentRun,
  }),
];
