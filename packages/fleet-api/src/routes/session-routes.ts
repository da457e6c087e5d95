import * as z from 'zod';
import { type Health, healthSchema } from '../resources/overview.ts';
import {
  type DeviceLogin,
  type DeviceLoginPoll,
  deviceLoginPollSchema,
  deviceLoginSchema,
  type Login,
  type LoginMethods,
  loginMethodsSchema,
  loginSchema,
  type NewSession,
  newSessionSchema,
  type Session,
  sessionSchema,
} from '../resources/session.ts';
import type { RouteTable } from './route.ts';

/** Login and health: the doors. */
export interface SessionCalls {
  readonly 'health.live': { readonly response: Health };
  readonly 'health.ready': { readonly response: Health };
  readonly 'sessions.methods': { readonly response: LoginMethods };
  readonly 'sessions.create': { readonly body: Login; readonly response: NewSession };
  readonly 'sessions.current': { readonly response: Session };
  readonly 'sessions.end': { readonly response: null };
  readonly 'oidc.start': { readonly query: { readonly returnTo?: string }; readonly response: null };
  readonly 'oidc.callback': { readonly query: OidcCallback; readonly response: null };
  readonly 'oidc.deviceStart': {
    readonly body: Readonly<Record<string, never>>;
    readonly response: DeviceLogin;
  };
  readonly 'oidc.devicePoll': { readonly body: DeviceLoginPoll; readonly response: NewSession };
}

/** What the identity provider sends the browser back with. */
export interface OidcCallback {
  readonly code?: string;
  readonly state?: string;
  readonly iss?: string;
  readonly session_state?: string;
  readonly error?: string;
  readonly error_description?: string;
}

const PUBLIC = { kind: 'public' } as const;
const short = z.string().max(2048).exactOptional();

export const SESSION_ROUTES: RouteTable<SessionCalls> = {
  'health.live': {
    method: 'GET',
    path: '/healthz',
    tag: 'Health',
    summary: 'say that the process runs',
    access: PUBLIC,
    status: 200,
    response: healthSchema,
    refusals: [],
  },
  'health.ready': {
    method: 'GET',
    path: '/readyz',
    tag: 'Health',
    summary: 'say that the database answers; 503 when it does not',
    access: PUBLIC,
    status: 200,
    response: healthSchema,
    refusals: [],
  },
  'sessions.methods': {
    method: 'GET',
    path: '/api/v1/login-methods',
    tag: 'Login',
    summary: 'say how people log in here',
    access: PUBLIC,
    status: 200,
    response: loginMethodsSchema,
    refusals: [],
  },
  'sessions.create': {
    method: 'POST',
    path: '/api/v1/sessions',
    tag: 'Login',
    summary: 'log in with name and password',
    access: PUBLIC,
    status: 201,
    body: loginSchema,
    response: newSessionSchema,
    refusals: [422],
  },
  'sessions.current': {
    method: 'GET',
    path: '/api/v1/sessions/current',
    tag: 'Login',
    summary: 'say who is asking and what they may',
    access: { kind: 'identity' },
    status: 200,
    response: sessionSchema,
    refusals: [],
  },
  'sessions.end': {
    method: 'DELETE',
    path: '/api/v1/sessions/current',
    tag: 'Login',
    summary: 'log out',
    access: { kind: 'identity' },
    status: 204,
    response: z.null(),
    refusals: [],
  },
  'oidc.start': {
    method: 'GET',
    path: '/api/v1/login/oidc',
    tag: 'Login',
    summary: 'send the browser to the identity provider',
    access: PUBLIC,
    status: 302,
    query: z.strictObject({ returnTo: short }),
    response: z.null(),
    refusals: [404, 422],
  },
  'oidc.callback': {
    method: 'GET',
    path: '/api/v1/login/oidc/callback',
    tag: 'Login',
    summary: 'take the browser back from the identity provider',
    access: PUBLIC,
    status: 302,
    query: z.object({
      code: short,
      state: short,
      iss: short,
      session_state: short,
      error: short,
      error_description: short,
    }),
    response: z.null(),
    refusals: [404, 422],
  },
  'oidc.deviceStart': {
    method: 'POST',
    path: '/api/v1/login/device',
    tag: 'Login',
    summary: 'begin a login on a machine without a browser',
    access: PUBLIC,
    status: 200,
    body: z.record(z.string(), z.never()),
    response: deviceLoginSchema,
    refusals: [404, 422],
  },
  'oidc.devicePoll': {
    method: 'POST',
    path: '/api/v1/login/device/poll',
    tag: 'Login',
    summary: 'ask whether the person has logged in; 409 while they have not',
    access: PUBLIC,
    status: 201,
    body: deviceLoginPollSchema,
    response: newSessionSchema,
    refusals: [404, 409, 422],
  },
};
