import { type Webhook, type WebhookInput, webhookInputSchema, webhookSchema } from '../resources/webhook.ts';
import {
  type DeleteCall,
  deleteRoute,
  type GetCall,
  getRoute,
  type ListCall,
  listRoute,
  type PutCall,
  putRoute,
} from './crud.ts';
import type { RouteTable } from './route.ts';

/** Addresses that are told of events. */
export interface WebhookCalls {
  readonly 'webhooks.list': ListCall<Webhook>;
  readonly 'webhooks.get': GetCall<Webhook>;
  readonly 'webhooks.put': PutCall<WebhookInput, Webhook>;
  readonly 'webhooks.delete': DeleteCall;
}

const WEBHOOKS = {
  path: 'webhooks',
  tag: 'Webhooks',
  one: 'a webhook',
  many: 'webhooks',
  schema: webhookSchema,
} as const;

export const WEBHOOK_ROUTES: RouteTable<WebhookCalls> = {
  'webhooks.list': listRoute({ ...WEBHOOKS, permission: 'webhooks:read' }),
  'webhooks.get': getRoute({ ...WEBHOOKS, permission: 'webhooks:read' }),
  'webhooks.put': putRoute({ ...WEBHOOKS, permission: 'webhooks:write' }, webhookInputSchema),
  'webhooks.delete': deleteRoute({ ...WEBHOOKS, permission: 'webhooks:write' }),
};
