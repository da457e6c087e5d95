import { AGENT_ROUTES, type AgentCalls } from './agent-routes.ts';
import { DEVICE_ROUTES, type DeviceCalls } from './device-routes.ts';
import { ENROLMENT_ROUTES, type EnrolmentCalls } from './enrolment-routes.ts';
import { FLEET_ROUTES, type FleetCalls } from './fleet-routes.ts';
import { GIT_ROUTES, type GitCalls } from './git-routes.ts';
import { IDENTITY_ROUTES, type IdentityCalls } from './identity-routes.ts';
import { ROLLOUT_ROUTES, type RolloutCalls } from './rollout-routes.ts';
import type { AnyRoute, RouteTable } from './route.ts';
import { SERVER_ROUTES, type ServerCalls } from './server-routes.ts';
import { SESSION_ROUTES, type SessionCalls } from './session-routes.ts';
import { SSH_ROUTES, type SshCalls } from './ssh-routes.ts';
import { WEBHOOK_ROUTES, type WebhookCalls } from './webhook-routes.ts';

/** Every call of the API by its name. */
export interface Calls
  extends SessionCalls,
    AgentCalls,
    DeviceCalls,
    EnrolmentCalls,
    FleetCalls,
    GitCalls,
    RolloutCalls,
    IdentityCalls,
    SshCalls,
    WebhookCalls,
    ServerCalls {}

export type RouteId = keyof Calls;

/** The API as data. Routes of the server, OpenAPI and the typed client come from it, and nothing is served that is not in it. */
export const ROUTES: RouteTable<Calls> = {
  ...SESSION_ROUTES,
  ...AGENT_ROUTES,
  ...DEVICE_ROUTES,
  ...ENROLMENT_ROUTES,
  ...FLEET_ROUTES,
  ...GIT_ROUTES,
  ...ROLLOUT_ROUTES,
  ...IDENTITY_ROUTES,
  ...SSH_ROUTES,
  ...WEBHOOK_ROUTES,
  ...SERVER_ROUTES,
};

/** The routes without the types of their calls, for code that treats all alike. */
export function allRoutes(): readonly (AnyRoute & { readonly id: RouteId })[] {
  return Object.entries(ROUTES).map(([id, route]) => ({ ...(route as AnyRoute), id: id as RouteId }));
}

/** Words in braces of a path, in their order. */
export function pathParams(path: string): readonly string[] {
  return [...path.matchAll(/\{(?<name>[a-z]+)\}/g)].map((match) => match.groups?.['name'] ?? '');
}
