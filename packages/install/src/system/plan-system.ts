import type { Customizations } from '../config/types.ts';
import { type AccountSeed, planAccounts } from './accounts.ts';
import type { SystemDraft } from './draft.ts';
import { planFirewall, planSshd } from './network-access.ts';
import { planFiles } from './own-files.ts';
import { planHostname, planKeyboard, planLanguages, planTimezone } from './place-and-language.ts';
import { planUnits } from './units.ts';

/**
 * Works out what a configuration changes in `/etc` and `/var` of a host, before it has ever run. Nothing runs and nothing is
 * written; what cannot be done with this image is noted in the draft.
 */
export async function planSystem(
  draft: SystemDraft,
  config: Customizations,
  seed: AccountSeed,
): Promise<void> {
  if (config.hostname !== undefined) await planHostname(draft, config.hostname);
  if (config.timezone !== undefined) planTimezone(draft, config.timezone);
  if (config.locale?.languages !== undefined) await planLanguages(draft, config.locale.languages);
  if (config.locale?.keyboard !== undefined) await planKeyboard(draft, config.locale.keyboard);
  await planAccounts(draft, config, seed);
  if (config.sshd !== undefined) await planSshd(draft, config.sshd);
  if (config.firewall !== undefined) await planFirewall(draft, config.firewall);
  planSudo(draft, config.installer?.['sudo-nopasswd'] ?? []);
  await planFiles(draft, config);
  // After the files: a unit may be one of them.
  if (config.services !== undefined) await planUnits(draft, config.services, ['services']);
}

function planSudo(draft: SystemDraft, names: readonly string[]): void {
  if (names.length === 0) return;
  const lines = names.map((name) => `${name === '*' ? 'ALL' : name} ALL=(ALL) NOPASSWD: ALL\n`);
  draft.writeText('/etc/sudoers.d/50-slipway', lines.join(''), { mode: 0o440 });
}
