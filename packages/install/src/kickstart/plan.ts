import { checkConfig } from '../config/check-config.ts';
import { diskPath, matchesDisk } from '../config/disk-name.ts';
import type { ConfigFile } from '../config/load-config.ts';
import { type ConfigTarget, formProblems } from '../config/parse-config.ts';
import type { ImageConfig } from '../config/types.ts';
import { type DiskSelection, diskSelection } from './disk-selection.ts';
import { ConfigDraft } from './draft-config.ts';
import type { KickstartCommand, KickstartDocument, KickstartSection } from './parser.ts';
import { isOn, textOf } from './setting.ts';
import type { KickstartProblem } from './source.ts';
import { planStorage } from './storage-commands.ts';
import { SYSTEM_COMMANDS } from './system-commands.ts';

/** A script of a file and when it runs. */
export interface KickstartScript {
  readonly when: 'pre' | 'pre-install' | 'post' | 'onerror';
  readonly interpreter: string;
  /** Whether it runs inside the new system. */
  readonly inNewSystem: boolean;
  readonly stopsOnError: boolean;
  readonly logFile: string | undefined;
  readonly body: string;
  readonly file: string;
  readonly line: number;
}

/** A file system that is there already. */
export interface ExistingMount {
  readonly device: string;
  readonly mountpoint: string;
  /** Made anew; with the type it has where none is named. */
  readonly reformat: boolean | string;
  readonly options: string | undefined;
}

/** What a kickstart file amounts to. */
export interface KickstartPlan {
  readonly config: ConfigFile;
  /** The image it names, as a reference with its transport. */
  readonly image: { readonly source: string; readonly target: string | undefined } | undefined;
  readonly disks: DiskSelection;
  readonly mounts: readonly ExistingMount[];
  readonly scripts: readonly KickstartScript[];
  readonly finish: 'reboot' | 'poweroff' | 'halt';
  /** Everything wrong with the file or worth knowing, in the order of the file. */
  readonly problems: readonly KickstartProblem[];
}

/** How a file is judged. */
export interface KickstartOptions {
  readonly target: ConfigTarget;
  /** Whether what has no effect is an error. */
  readonly isStrict: boolean;
}

/** Works out what a file would do, without doing any of it. Last lines win where only one counts. */
export function planKickstart(
  name: string,
  document: KickstartDocument,
  options: KickstartOptions,
): KickstartPlan {
  const { target } = options;
  const { commands, sections } = document;
  const draft = new ConfigDraft(name);
  for (const command of effective(commands)) SYSTEM_COMMANDS[command.name]?.(command, draft);
  planStorage(commands, draft);
  const disks = diskSelection(commands);
  if (target === 'installer') planInstaller(commands, disks, draft);
  else refuseInstallation(commands, sections, draft);
  const config = removeUndefined({ customizations: draft.customizations }) as ImageConfig;
  const wrong = formProblems(config);
  const problems = wrong.length > 0 ? wrong : checkConfig(config, target);
  const located = problems.map(({ path, message }): KickstartProblem => {
    const { file, line, field, message: words } = draft.locate(path, message);
    return { severity: 'error', file, line, message: `${field}: ${words}` };
  });
  const severity = options.isStrict ? 'error' : 'warning';
  return {
    config: { path: name, config, where: (path, message) => draft.locate(path, message) },
    image: imageOf(commands),
    disks,
    mounts: commands.filter((each) => each.name === 'mount').map(mountOf),
    scripts: sections.flatMap(scriptOf),
    finish: finishOf(commands),
    problems: inOrder(name, [
      ...document.problems.map(
        (each): KickstartProblem => (each.message.includes('deprecated') ? { ...each, severity } : each),
      ),
      ...withoutEffect(commands, sections, severity),
      ...draft.problems,
      ...located,
      ...missing(name, commands, target),
    ]),
  };
}

/** The lines that count: all of a command that may be repeated, the last of any other. */
function effective(commands: readonly KickstartCommand[]): readonly KickstartCommand[] {
  const last = new Map(commands.map((each) => [each.name, each]));
  return commands.filter((each) => each.definition.isRepeatable || last.get(each.name) === each);
}

function planInstaller(
  commands: readonly KickstartCommand[],
  disks: DiskSelection,
  draft: ConfigDraft,
): void {
  const ignoredisk = commands.findLast(({ name }) => name === 'ignoredisk');
  const clearpart = commands.findLast(({ name }) => name === 'clearpart');
  if (ignoredisk !== undefined && disks.use.length > 0) draft.set(ignoredisk, 'disk', 'drives', disks.use);
  if (clearpart !== undefined && disks.clear === 'all') draft.set(clearpart, 'disk', 'wipe', true);
  const bootloader = commands.findLast(({ name }) => name === 'bootloader');
  const drive = bootloader === undefined ? undefined : textOf(bootloader, 'boot-drive');
  if (bootloader === undefined || drive === undefined) return;
  if (matchesDisk(disks.ignore, diskPath(drive)))
    draft.error(bootloader, `bootloader: --boot-drive=${drive} is a disk that ignoredisk ignores`);
  else draft.set(bootloader, 'disk', 'boot_drive', drive);
}

/** A disk image has no installation around it. */
function refuseInstallation(
  commands: readonly KickstartCommand[],
  sections: readonly KickstartSection[],
  draft: ConfigDraft,
): void {
  for (const section of sections) {
    if (scriptOf(section).length > 0)
      draft.error(
        section,
        `${section.name}: scripts run where an installer runs, a disk image is written without running anything`,
      );
  }
  for (const command of commands) {
    if (command.name === 'mount')
      draft.error(command, 'mount: a disk image has no file systems before it is written');
    if (command.name === 'bootloader' && command.options.has('boot-drive'))
      draft.warn(command, 'bootloader: --boot-drive has no effect, a disk image is one disk');
    if (['ostreecontainer', 'bootc'].includes(command.name))
      draft.warn(command, `${command.name}: the image is named on the command line, the line has no effect`);
  }
}

function imageOf(commands: readonly KickstartCommand[]): KickstartPlan['image'] {
  const command = commands.findLast(({ name }) => name === 'bootc' || name === 'ostreecontainer');
  if (command === undefined) return undefined;
  if (command.name === 'bootc') {
    const source = textOf(command, 'source-imgref') ?? '';
    return { source, target: textOf(command, 'target-imgref') };
  }
  const transport = textOf(command, 'transport') ?? 'registry';
  return { source: `${transport}:${textOf(command, 'url') ?? ''}`, target: undefined };
}

function mountOf(command: KickstartCommand): ExistingMount {
  const [device = '', mountpoint = ''] = command.words;
  return {
    device,
    mountpoint,
    reformat: textOf(command, 'reformat') ?? isOn(command, 'reformat'),
    options: textOf(command, 'mountoptions'),
  };
}

const SCRIPTS: Readonly<Record<string, KickstartScript['when'] | undefined>> = {
  '%pre': 'pre',
  '%pre-install': 'pre-install',
  '%post': 'post',
  '%onerror': 'onerror',
};

function scriptOf(section: KickstartSection): readonly KickstartScript[] {
  const when = SCRIPTS[section.name];
  if (when === undefined) return [];
  return [
    {
      when,
      interpreter: textOf(section, 'interpreter') ?? '/bin/sh',
      inNewSystem: when === 'post' && !isOn(section, 'nochroot'),
      stopsOnError: isOn(section, 'erroronfail'),
      logFile: textOf(section, 'log'),
      body: section.body,
      file: section.file,
      line: section.line,
    },
  ];
}

function finishOf(commands: readonly KickstartCommand[]): KickstartPlan['finish'] {
  const last = commands.findLast(({ name }) =>
    ['reboot', 'poweroff', 'shutdown', 'halt'].includes(name),
  )?.name;
  return last === 'reboot' ? 'reboot' : last === undefined || last === 'halt' ? 'halt' : 'poweroff';
}

function withoutEffect(
  commands: readonly KickstartCommand[],
  sections: readonly KickstartSection[],
  severity: 'error' | 'warning',
): readonly KickstartProblem[] {
  return [...commands, ...sections]
    .filter(({ definition }) => definition.status !== 'executable')
    .map(({ name, file, line }): KickstartProblem => {
      if (name === '%packages')
        return {
          severity: 'warning',
          file,
          line,
          message: '%packages: has no effect, the packages are those of the image',
        };
      return { severity, file, line, message: `${name}: has no effect when an image is installed` };
    });
}

/** What an unattended installation needs and nobody said. */
function missing(
  name: string,
  commands: readonly KickstartCommand[],
  target: ConfigTarget,
): readonly KickstartProblem[] {
  const has = (...names: readonly string[]): boolean => commands.some((each) => names.includes(each.name));
  const problem = (message: string): KickstartProblem => ({
    severity: 'warning',
    file: name,
    line: 1,
    message,
  });
  const found: KickstartProblem[] = [];
  const canLogIn = commands.some(
    (each) =>
      each.name === 'sshkey' ||
      (each.name === 'rootpw' && !isOn(each, 'lock')) ||
      (each.name === 'user' && each.options.has('password') && !isOn(each, 'lock')),
  );
  if (!canLogIn)
    found.push(
      problem(
        'nobody can log in unless the image lets them: there is no rootpw, no user with a password, no sshkey',
      ),
    );
  if (target === 'disk') return found;
  if (!has('autopart', 'part', 'partition', 'mount'))
    found.push(problem('nothing is said about partitions; autopart is assumed'));
  if (!has('clearpart') && !has('mount'))
    found.push(problem('clearpart is missing: nothing is removed, only free space is used'));
  if (!has('reboot', 'poweroff', 'shutdown', 'halt'))
    found.push(problem('reboot is missing: the machine waits for a key at the end'));
  return found;
}

/** Of a file that includes others, the lines of the file itself come first. */
function inOrder(name: string, problems: readonly KickstartProblem[]): readonly KickstartProblem[] {
  const rank = (file: string): string => (file === name ? '' : file);
  return problems.toSorted((a, b) =>
    rank(a.file) < rank(b.file) ? -1 : rank(a.file) > rank(b.file) ? 1 : a.line - b.line,
  );
}

function removeUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(removeUndefined);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => [key, removeUndefined(each)]),
  );
}
