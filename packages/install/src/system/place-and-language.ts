import type { Customizations } from '../config/types.ts';
import type { SystemDraft } from './draft.ts';
import { setVariables } from './shell-variables.ts';

/** hostname(5), and a line of hosts(5): programs want to resolve the name of their own machine. */
export async function planHostname(draft: SystemDraft, hostname: string): Promise<void> {
  draft.writeText('/etc/hostname', `${hostname}\n`);
  const hosts = await draft.text('/etc/hosts');
  if (hosts === undefined) return;
  const names = hostname.includes('.') ? `${hostname} ${hostname.split('.')[0]}` : hostname;
  const others = hosts.split('\n').filter((line) => !/^127\.0\.1\.1\s/.test(line));
  draft.writeText('/etc/hosts', `${others.join('\n').replace(/\n*$/, '\n')}127.0.1.1\t${names}\n`);
}

/** localtime(5), and time servers for whichever of the usual clients the image has. */
export function planTimezone(
  draft: SystemDraft,
  { timezone: zone, ntpservers = [] }: NonNullable<Customizations['timezone']>,
): void {
  if (zone !== undefined) {
    if (draft.find(`/usr/share/zoneinfo/${zone}`)?.kind !== 'regular') {
      draft.problem(['timezone', 'timezone'], `the image has no time zone ${zone} below /usr/share/zoneinfo`);
    }
    draft.put('/etc/localtime', { kind: 'symlink', target: `../usr/share/zoneinfo/${zone}` });
    // Debian's own record; other distributions have none, and would wonder.
    if (draft.find('/etc/timezone') !== undefined) draft.writeText('/etc/timezone', `${zone}\n`);
  }
  if (ntpservers.length === 0) return;
  const chrony = ['/etc/chrony/sources.d', '/etc/chrony.d'].find(
    (path) => draft.find(path)?.kind === 'directory',
  );
  const hasTimesyncd = draft.find('/usr/lib/systemd/systemd-timesyncd') !== undefined;
  if (hasTimesyncd) {
    draft.writeText('/etc/systemd/timesyncd.conf.d/50-slipway.conf', `[Time]\nNTP=${ntpservers.join(' ')}\n`);
  }
  if (chrony !== undefined) {
    const name = chrony.endsWith('sources.d') ? 'slipway.sources' : 'slipway.conf';
    draft.writeText(`${chrony}/${name}`, ntpservers.map((server) => `server ${server} iburst\n`).join(''));
  }
  if (!hasTimesyncd && chrony === undefined) {
    draft.problem(['timezone', 'ntpservers'], 'the image has neither systemd-timesyncd nor chrony');
  }
}

/** locale.conf(5), and Debian's older file of the same. */
export async function planLanguages(draft: SystemDraft, languages: readonly string[]): Promise<void> {
  for (const [index, locale] of languages.entries()) {
    if (!(await hasLocale(draft, locale))) {
      draft.problem(
        ['locale', 'languages', index],
        `the image has no locale ${locale}; generate it in the Containerfile (Debian: install locales-all)`,
      );
    }
  }
  const [first] = languages;
  if (first === undefined) return;
  await setVariables(draft, '/etc/locale.conf', { LANG: first });
  if (draft.find('/etc/default/locale') !== undefined)
    await setVariables(draft, '/etc/default/locale', { LANG: first });
}

/** Locales built into the C library, of a directory, or of its archive. */
async function hasLocale(draft: SystemDraft, locale: string): Promise<boolean> {
  const normal = locale.replace(
    /\.([A-Za-z0-9-]+)/,
    (_all, charset: string) => `.${charset.toLowerCase().replaceAll('-', '')}`,
  );
  if (['C', 'POSIX', 'C.utf8'].includes(normal)) return true;
  for (const name of [locale, normal]) {
    if (draft.find(`/usr/lib/locale/${name}`)?.kind === 'directory') return true;
  }
  const archive = draft.find('/usr/lib/locale/locale-archive');
  if (archive?.kind !== 'regular') return false;
  let tail = '';
  for await (const chunk of draft.stream(archive)) {
    const text = tail + Buffer.from(chunk).toString('latin1');
    if (text.includes(`${normal}\0`)) return true;
    tail = text.slice(-normal.length - 1);
  }
  return false;
}

/** vconsole.conf(5) for the console, keyboard(5) of Debian for it and for X. */
export async function planKeyboard(draft: SystemDraft, keyboard: string): Promise<void> {
  const [, layout = keyboard, variant = ''] = /^([^\s(]+)\s*(?:\(([^)]*)\))?$/.exec(keyboard) ?? [];
  const keymap = variant === '' ? layout : `${layout}-${variant}`;
  await setVariables(draft, '/etc/vconsole.conf', {
    KEYMAP: keymap,
    XKBLAYOUT: layout,
    ...(variant === '' ? {} : { XKBVARIANT: variant }),
  });
  if (draft.find('/etc/default/keyboard') !== undefined || draft.find('/usr/bin/setupcon') !== undefined) {
    await setVariables(draft, '/etc/default/keyboard', { XKBLAYOUT: layout, XKBVARIANT: variant });
  }
}
