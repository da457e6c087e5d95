import { copyEsp, readBootEntries, readCopyVersion, readEspContents } from '@slipway/boot';
import { messageOf } from '@slipway/core';
import type { Transaction } from '../transaction.ts';

/**
 * The first thing of a boot: where the boot partition of another disk is newer than the one the machine was started from, it is that which
 * counts. The disk was away while the host was changed, or power failed before the change reached it; what is on it would bring back an
 * older system, and collecting garbage would take the newer one away.
 *
 * A cut leaves the mounted one of its old version: the next boot does the same.
 */
export async function takeNewestBoot({ system, log, record }: Transaction): Promise<void> {
  try {
    await using others = await system.mountBootCopies();
    let newest = { device: '', esp: system.esp, version: await readCopyVersion(system.esp) };
    for (const { device, esp } of others.copies) {
      if (esp === undefined || (await readBootEntries(esp)).entries.length === 0) continue;
      const version = await readCopyVersion(esp);
      if (version.number > newest.version.number) newest = { device, esp, version };
    }
    if (newest.esp === system.esp) return;
    const source = await readEspContents(newest.esp, { thorough: false });
    const target = await readEspContents(system.esp, { thorough: false });
    await copyEsp(source, target, newest.version);
    const reason = `the boot partition this machine was started from was older than ${newest.device}, and was made like it`;
    log.warn(reason);
    await record({ event: 'repaired', reason });
  } catch (thrown) {
    log.warn('the boot partitions of other disks could not be compared', { reason: messageOf(thrown) });
  }
}
