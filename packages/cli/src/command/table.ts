import { type CommandTable, commandTable } from './spec.ts';
import { AGENT_COMMANDS } from './specs/agent.ts';
import { APP_COMMANDS } from './specs/app.ts';
import { BOOTC_COMMANDS } from './specs/bootc.ts';
import { BUILD_COMMANDS } from './specs/build.ts';
import { CARE_COMMANDS } from './specs/care.ts';
import { COMPOSEFS_COMMANDS } from './specs/composefs.ts';
import { CONTAINER_COMMANDS } from './specs/container.ts';
import { DELTA_COMMANDS } from './specs/delta.ts';
import { DEPLOY_COMMANDS } from './specs/deploy.ts';
import { FLEET_COMMANDS } from './specs/fleet.ts';
import { FLEET_SIMULATE_COMMANDS } from './specs/fleet-simulate.ts';
import { FLEET_SSH_COMMANDS } from './specs/fleet-ssh.ts';
import { HEALTH_COMMANDS } from './specs/health.ts';
import { HOST_COMMANDS } from './specs/host.ts';
import { INSTALL_COMMANDS } from './specs/install.ts';
import { KEEP_COMMANDS } from './specs/keep.ts';
import { KICKSTART_COMMANDS } from './specs/kickstart.ts';
import { REGISTRY_COMMANDS } from './specs/registry.ts';
import { SIGN_COMMANDS } from './specs/sign.ts';
import { TOOL_COMMANDS } from './specs/tool.ts';

/** The commands of Slipway in the order help lists them: a life from Containerfile to host. */
export const COMMAND_TABLE: CommandTable = commandTable({
  groups: [
    { name: 'base', summary: 'base images', hidden: false },
    { name: 'container', summary: 'an image from the inside: check it, look at it', hidden: false },
    { name: 'image', summary: 'the images of this host, in the words of bootc', hidden: true },
    { name: 'loader-entries', summary: 'kernel arguments by who wants them', hidden: false },
    { name: 'install', summary: 'put an image on the disks of this machine', hidden: false },
    { name: 'kickstart', summary: 'kickstart files: check and write them', hidden: false },
    { name: 'composefs', summary: 'composefs images: make them and look into them', hidden: false },
    { name: 'delta', summary: 'deltas beside images: make, list and apply them', hidden: false },
    { name: 'app', summary: 'apps of a host, updated apart from the operating system', hidden: false },
    {
      name: 'registry',
      summary: 'a registry of your own: serve a directory, users, files, garbage',
      hidden: false,
    },
    { name: 'fleet', summary: 'many hosts at once: serve a fleet, and steer it', hidden: false },
    { name: 'agent', summary: 'this host as a device of a fleet', hidden: false },
    { name: 'internals', summary: 'what units and programs call', hidden: true },
  ],
  chapters: [
    { title: 'Make and compare images', commands: [...BUILD_COMMANDS, ...CONTAINER_COMMANDS] },
    {
      title: 'Disks and machines',
      commands: [...DEPLOY_COMMANDS, ...INSTALL_COMMANDS, ...KICKSTART_COMMANDS],
    },
    {
      title: 'On a host',
      commands: [
        ...HOST_COMMANDS,
        ...HEALTH_COMMANDS,
        ...KEEP_COMMANDS,
        ...CARE_COMMANDS,
        ...BOOTC_COMMANDS,
        ...APP_COMMANDS,
        ...AGENT_COMMANDS,
      ],
    },
    { title: 'Publish images', commands: [...REGISTRY_COMMANDS, ...SIGN_COMMANDS, ...DELTA_COMMANDS] },
    { title: 'Many hosts', commands: [...FLEET_COMMANDS, ...FLEET_SSH_COMMANDS, ...FLEET_SIMULATE_COMMANDS] },
    { title: 'Look inside', commands: COMPOSEFS_COMMANDS },
    { title: 'The tool itself', commands: TOOL_COMMANDS },
  ],
});
