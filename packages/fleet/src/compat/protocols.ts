import { CINCINNATI_ROUTES } from './cincinnati-routes.ts';
import type { CompatRoute } from './compat-route.ts';
import { FLEET_LOCK_ROUTES } from './fleet-lock-routes.ts';
import { OMAHA_ROUTES } from './omaha-routes.ts';

/** Every request of others' clients that is answered. */
export const PROTOCOLS: readonly CompatRoute[] = [
  ...FLEET_LOCK_ROUTES,
  ...CINCINNATI_ROUTES,
  ...OMAHA_ROUTES,
];
