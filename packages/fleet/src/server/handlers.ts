import type { Calls } from '@slipway/fleet-api';
import { LOCK_HANDLERS } from '../compat/lock-handlers.ts';
import { AGENT_HANDLERS } from '../devices/agent-handlers.ts';
import { DEVICE_HANDLERS } from '../devices/device-handlers.ts';
import { ENROLMENT_HANDLERS } from '../devices/enrolment-handlers.ts';
import { GIT_HANDLERS } from '../gitops/repository-handlers.ts';
import type { Handlers, LooseHandlers } from '../http/handler.ts';
import { IDENTITY_HANDLERS } from '../identity/identity-handlers.ts';
import { SESSION_HANDLERS } from '../identity/session-handlers.ts';
import { OPERATION_HANDLERS } from '../operations/operation-handlers.ts';
import { FLEET_HANDLERS } from '../resources/fleet-handlers.ts';
import { ROLLOUT_HANDLERS } from '../rollouts/rollout-handlers.ts';
import { SSH_HANDLERS } from '../ssh/ssh-handlers.ts';
import { WEBHOOK_HANDLERS } from '../webhooks/webhook-handlers.ts';
import { SERVER_HANDLERS } from './server-handlers.ts';

/** A handler for every route: one that is missing does not compile. */
const TYPED: Handlers<Calls> = {
  ...SESSION_HANDLERS,
  ...AGENT_HANDLERS,
  ...DEVICE_HANDLERS,
  ...ENROLMENT_HANDLERS,
  ...FLEET_HANDLERS,
  ...GIT_HANDLERS,
  ...ROLLOUT_HANDLERS,
  ...IDENTITY_HANDLERS,
  ...LOCK_HANDLERS,
  ...OPERATION_HANDLERS,
  ...SERVER_HANDLERS,
  ...SSH_HANDLERS,
  ...WEBHOOK_HANDLERS,
};

/** The same for the server, which checks inputs by the schemas of the routes. */
export const HANDLERS: LooseHandlers = TYPED;
