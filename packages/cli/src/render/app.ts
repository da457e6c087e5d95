import type { AppResult, AppSummary } from '@slipway/host';
import { block, type Fact } from './block.ts';

const HEADINGS: Readonly<Record<AppResult['kind'], string>> = {
  installed: 'Installed',
  updated: 'Updated',
  reverted: 'Reverted',
  unchanged: 'Nothing new',
  removed: 'Removed',
};

/** What became of apps, for people. */
export function appWords(results: readonly AppResult[]): readonly string[] {
  if (results.length === 0) return ['no apps'];
  return results.flatMap(({ kind, name, version, revision, manifestDigest }) =>
    block(
      ' ',
      [HEADINGS[kind], name],
      [
        ['Version', `${version ?? 'none'} (revision ${revision})`],
        ['Digest', manifestDigest],
      ],
    ),
  );
}

/** The apps of a host, for people. */
export function appListWords(apps: readonly AppSummary[]): readonly string[] {
  if (apps.length === 0) return ['no apps'];
  return apps.flatMap(({ name, state, current, previous }) =>
    block(
      state.activeState === 'active' ? '●' : '○',
      ['App', `${name} (${state.activeState})`],
      [
        ['Image', current.image.image],
        ['Version', `${current.version ?? 'none'} (revision ${current.revision})`],
        ...(previous === null ? [] : [['Before', previous.version ?? previous.image.image] as Fact]),
      ],
    ),
  );
}

/** One app, for people. */
export function appStatusWords(app: AppSummary): readonly string[] {
  const { current, root, unit, data, pending } = app;
  const ports = current.ports.map(({ port, protocol }) => `${port}/${protocol}`).join(', ');
  const facts: readonly Fact[] = [
    ['Digest', current.manifestDigest],
    ['Installed', current.installedAt],
    ['Unit', unit],
    ['Mounted at', root],
    ...(current.kind === 'app' ? ([['Data', data]] as const) : []),
    ...(current.kind === 'app' && app.state.mainPid !== 0
      ? ([['AppArmor', appArmorWords(app.appArmor)]] as const)
      : []),
    ...(ports === '' ? [] : ([['Listens at', ports]] as const)),
    ...(current.volumes.length === 0 ? [] : ([['Volumes', current.volumes.join(', ')]] as const)),
    ...(pending ? ([['Change', 'not finished: slipway-apps.service will at the next boot']] as const) : []),
  ];
  const width = Math.max(...facts.map(([label]) => label.length));
  return [...appListWords([app]), ...facts.map(([label, text]) => `  ${label.padStart(width)}: ${text}`)];
}

function appArmorWords(label: AppSummary['appArmor']): string {
  if (label === null) return 'not available';
  return label.mode === 'enforce' ? `enforced (${label.profile})` : `${label.mode} (${label.profile})`;
}
