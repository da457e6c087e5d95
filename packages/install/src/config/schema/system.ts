import * as z from 'zod';
import type {
  DirectoryConfig,
  FileConfig,
  FirewallConfig,
  InstallerConfig,
  KernelConfig,
  LocaleConfig,
  ServicesConfig,
  SshdConfig,
  TimezoneConfig,
} from '../types.ts';
import { absolutePath, line, octalMode, owner, someLine, unitName } from './scalars.ts';

export const hostnameSchema: z.ZodType<string> = z
  .string()
  .max(253)
  .regex(
    /^(?!\d+$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
    'must be a host name: labels of letters, digits and -, separated by dots',
  );

export const timezoneSchema: z.ZodType<TimezoneConfig> = z.strictObject({
  timezone: z
    .string()
    .regex(
      /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*$/,
      'must be a name of the time zone database, such as Europe/Berlin',
    )
    .optional(),
  ntpservers: z.array(someLine.regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or address')).optional(),
});

export const localeSchema: z.ZodType<LocaleConfig> = z.strictObject({
  languages: z
    .array(someLine.regex(/^[A-Za-z0-9_.@-]+$/, 'must be a locale, such as de_DE.UTF-8'))
    .optional()
    .describe('Locales; the first is the language of the system'),
  keyboard: someLine
    .regex(/^[A-Za-z0-9_.,()+ -]+$/, 'must be a keyboard layout, such as us or de')
    .optional(),
});

export const kernelSchema: z.ZodType<KernelConfig> = z.strictObject({
  name: someLine.optional().describe('Name of a kernel package; the kernel is part of the image'),
  append: line.optional().describe('Kernel arguments, separated by spaces'),
});

export const servicesSchema: z.ZodType<ServicesConfig> = z.strictObject({
  enabled: z.array(unitName).optional().describe('Units that start by themselves'),
  disabled: z.array(unitName).optional().describe('Units that do not start by themselves'),
  masked: z.array(unitName).optional().describe('Units nothing can start'),
});

export const sshdSchema: z.ZodType<SshdConfig> = z.strictObject({
  password_authentication: z.boolean().optional(),
  client_alive_interval: z.int().min(0).max(1_000_000).optional().describe('Seconds'),
  permit_root_login: z
    .union([z.boolean(), z.enum(['yes', 'no', 'prohibit-password', 'forced-commands-only'])], {
      error: 'must be true, false, "prohibit-password" or "forced-commands-only"',
    })
    .optional(),
  kbd_interactive_authentication: z.boolean().optional(),
});

const portPattern = /^(?<first>\d{1,5})(?:-\d{1,5})?[:/](?:tcp|udp)$/;
export const firewallSchema: z.ZodType<FirewallConfig> = z.strictObject({
  ports: z
    .array(
      z.string().regex(portPattern, 'must be a port and a protocol, such as "443:tcp" or "8000-8010:udp"'),
    )
    .optional(),
  services: z
    .strictObject({
      enabled: z.array(someLine).optional().describe('Services let in, by their names in /etc/services'),
      disabled: z.array(someLine).optional(),
    })
    .optional(),
  trusted_interfaces: z
    .array(someLine.max(15))
    .optional()
    .describe('Network interfaces everything is let in from'),
  enabled: z.boolean().optional().describe('false lets everything in'),
  zones: z
    .array(z.strictObject({ name: someLine.optional(), sources: z.array(someLine).optional() }))
    .optional()
    .describe('Zones of firewalld'),
});

export const fileSchema: z.ZodType<FileConfig> = z.strictObject({
  path: absolutePath,
  user: owner.optional(),
  group: owner.optional(),
  mode: octalMode.optional().describe('Permissions; "0644" unless given'),
  data: z.string().optional().describe('Content as text'),
  data_base64: z.base64('must be base64').optional().describe('Content as bytes'),
  uri: z.string().optional().describe('A file of the machine that makes the disk, file:///…'),
});

export const directorySchema: z.ZodType<DirectoryConfig> = z.strictObject({
  path: absolutePath,
  user: owner.optional(),
  group: owner.optional(),
  mode: octalMode.optional().describe('Permissions; "0755" unless given'),
  ensure_parents: z.boolean().optional().describe('Make the directories above it too'),
});

export const installerSchema: z.ZodType<InstallerConfig> = z.strictObject({
  unattended: z.boolean().optional(),
  'sudo-nopasswd': z
    .array(z.string().regex(/^%?[a-z_][a-z0-9_-]*$|^\*$/, 'must be a user, or a group as %name'))
    .optional()
    .describe('Who may use sudo without a password'),
  kickstart: z.strictObject({ contents: z.string() }).optional(),
  modules: z.strictObject({ enable: z.array(line).optional(), disable: z.array(line).optional() }).optional(),
  bootloader: z
    .strictObject({ grub2: z.strictObject({ 'menu-timeout': z.int().optional() }).optional() })
    .optional(),
  payload: z.strictObject({ flatpaks: z.array(z.unknown()).optional() }).optional(),
  reboot: z.enum(['reboot', 'poweroff', 'halt']).optional().describe('What follows the installation'),
});
