/** An app as people and programs are told of it. */
import type { AppRevision, InstalledApp } from './revision.ts';
import type { AppArmorLabel, AppServices, UnitState } from './services.ts';
import { appRoot, unitNames } from './units.ts';

/** Everything known about an app. */
export interface AppSummary {
  readonly name: string;
  /** Of its unit, now. */
  readonly state: UnitState;
  /** How AppArmor confines what runs; null where it does not, and where nothing runs. */
  readonly appArmor: AppArmorLabel | null;
  readonly current: AppRevision;
  readonly previous: AppRevision | null;
  /** Whether the last change has not shown yet that it works. */
  readonly pending: boolean;
  /** Where its image is mounted. */
  readonly root: string;
  readonly unit: string;
  /** What it keeps. */
  readonly data: string;
}

/** The app and the state of its unit. */
export async function appSummary(
  { name, current, previous, pending, paths }: InstalledApp,
  services: AppServices,
): Promise<AppSummary> {
  const { app: unit } = unitNames(name);
  const state = await services.state(unit);
  return {
    name,
    state,
    appArmor: state.mainPid === 0 ? null : await services.confinement(state.mainPid),
    current,
    previous: previous ?? null,
    pending: pending !== undefined,
    root: appRoot(name),
    unit,
    // As the running system names it, not through the physical root.
    data: paths.data.slice(paths.data.indexOf('/var/')),
  };
}
