import type { AptMirror, AptSettings } from './apt-settings.ts';
import type { BaseRecipe } from './recipe.ts';

/** Everything that decides what mmdebstrap makes. */
export interface TreePlan {
  readonly recipe: BaseRecipe;
  readonly apt: AptSettings;
  /** Packages wanted besides the recipe's. */
  readonly packages: readonly string[];
  /** Lines of dpkg.cfg, the ones the image keeps for packages installed later. */
  readonly dpkgOptions: readonly string[];
  /** Tar archive unpacked over the tree before `customize` runs. */
  readonly overlayArchive: string;
  /** Text of the shell script that finishes the tree; `$1` is the tree. */
  readonly customize: string;
  /** Keeps downloaded packages from build to build. */
  readonly cacheDir: string | undefined;
  /** Tar archive to write. */
  readonly output: string;
}

/**
 * The command that makes the tree of a base image. mmdebstrap chooses by itself between root and a user namespace, so
 * the same command works for everybody.
 */
export function treeCommand(plan: TreePlan): readonly [string, ...string[]] {
  const { recipe, cacheDir } = plan;
  return [
    'mmdebstrap',
    '--variant=minbase',
    '--format=tar',
    // Customizing cleans more than this step, which would empty the machine-id: no first boot any more.
    '--skip=cleanup/reproducible',
    ...aptArguments(plan.apt),
    ...plan.dpkgOptions.map((line) => `--dpkgopt=${line}`),
    `--include=${[...recipe.packages, ...plan.packages, ...recipe.backports.map(fromBackports(recipe))].join(',')}`,
    ...(cacheDir === undefined ? [] : cacheArguments(cacheDir)),
    ...(recipe.backports.length === 0 || plan.apt.mirror !== undefined ? [] : [backportsHook(recipe)]),
    `--customize-hook=tar-in ${shellQuote(plan.overlayArchive)} /`,
    `--customize-hook=${plan.customize}`,
    recipe.release,
    plan.output,
    ...(plan.apt.mirror === undefined ? [] : sourceLines(recipe, plan.apt.mirror)),
  ];
}

/**
 * The command that prints the `Date:` of every suite the tree would come from: the newest one is when the inputs last
 * changed, and so the time stamp of what is made from them.
 */
export function suiteDatesCommand(plan: Pick<TreePlan, 'recipe' | 'apt'>): readonly [string, ...string[]] {
  const { recipe, apt } = plan;
  return [
    'mmdebstrap',
    '--variant=custom',
    '--format=null',
    ...aptArguments(apt),
    ...(recipe.backports.length === 0 || apt.mirror !== undefined ? [] : [backportsHook(recipe)]),
    `--customize-hook=grep -h '^Date: ' "$1"/var/lib/apt/lists/*Release`,
    recipe.release,
    '/dev/null',
    ...(apt.mirror === undefined ? [] : sourceLines(recipe, apt.mirror)),
  ];
}

/** Seconds since 1970 of the newest `Date:` line, undefined when there is none. */
export function newestSuiteDate(output: string): number | undefined {
  const dates = [...output.matchAll(/^Date: (?<date>.+)$/gm)]
    .map((match) => Date.parse(match.groups?.['date'] ?? ''))
    .filter((date) => !Number.isNaN(date));
  return dates.length === 0 ? undefined : Math.floor(Math.max(...dates) / 1000);
}

/** One dropped connection of a thousand packages is no reason to begin anew; the machine's own settings come after, and win. */
function aptArguments({ options }: AptSettings): readonly string[] {
  return ['Acquire::Retries "3";', ...options].map((line) => `--aptopt=${line}`);
}

function sourceLines(recipe: BaseRecipe, mirror: AptMirror): readonly string[] {
  const { release } = recipe;
  return [
    `deb ${mirror.main} ${release} main`,
    `deb ${mirror.main} ${release}-updates main`,
    ...(mirror.security === undefined ? [] : [`deb ${mirror.security} ${release}-security main`]),
    ...(recipe.backports.length === 0 ? [] : [`deb ${mirror.main} ${release}-backports main`]),
  ];
}

/** Where mmdebstrap chose the mirror, backports come from the same one. */
function backportsHook(recipe: BaseRecipe): string {
  const { release } = recipe;
  return `--setup-hook=sed -n 's/ ${release} main/ ${release}-backports main/p' "$1/etc/apt/sources.list" > "$1/etc/apt/sources.list.d/backports.list"`;
}

function fromBackports(recipe: BaseRecipe): (name: string) => string {
  return (name) => `${name}/${recipe.release}-backports`;
}

/** The way mmdebstrap's manual gives for keeping packages between runs. */
function cacheArguments(cacheDir: string): readonly string[] {
  return [
    '--skip=essential/unlink',
    '--setup-hook=mkdir -p "$1/var/cache/apt/archives/"',
    `--setup-hook=sync-in ${shellQuote(cacheDir)} /var/cache/apt/archives/`,
    `--customize-hook=sync-out /var/cache/apt/archives ${shellQuote(cacheDir)}`,
  ];
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
