import {
  type Enrolment,
  type EnrolmentApproval,
  type EnrolmentToken,
  type EnrolmentTokenInput,
  enrolmentApprovalSchema,
  enrolmentSchema,
  enrolmentTokenInputSchema,
  enrolmentTokenSchema,
  type NewEnrolmentToken,
  newEnrolmentTokenSchema,
} from '../resources/enrolment.ts';
import { type Reason, reasonSchema } from '../resources/rollout.ts';
import {
  type ActionCall,
  actionRoute,
  type DeleteCall,
  deleteRoute,
  type GetCall,
  getRoute,
  type ListCall,
  listRoute,
} from './crud.ts';
import { may, type RouteTable } from './route.ts';

/** The lobby, and tokens that let devices through it. */
export interface EnrolmentCalls {
  readonly 'enrolments.list': ListCall<Enrolment>;
  readonly 'enrolments.get': GetCall<Enrolment>;
  readonly 'enrolments.approve': ActionCall<EnrolmentApproval, Enrolment>;
  readonly 'enrolments.reject': ActionCall<Reason, Enrolment>;
  readonly 'enrolmentTokens.list': ListCall<EnrolmentToken>;
  readonly 'enrolmentTokens.create': {
    readonly body: EnrolmentTokenInput;
    readonly response: NewEnrolmentToken;
  };
  readonly 'enrolmentTokens.delete': DeleteCall;
}

const NOUN = {
  path: 'enrolments',
  tag: 'Enrolment',
  one: 'an enrolment',
  many: 'enrolments',
  schema: enrolmentSchema,
} as const;
const TOKENS = {
  path: 'enrolment-tokens',
  tag: 'Enrolment',
  one: 'an enrolment token',
  many: 'enrolment tokens',
  schema: enrolmentTokenSchema,
} as const;

export const ENROLMENT_ROUTES: RouteTable<EnrolmentCalls> = {
  'enrolments.list': listRoute({ ...NOUN, permission: 'enrolments:read' }),
  'enrolments.get': getRoute({ ...NOUN, permission: 'enrolments:read' }),
  'enrolments.approve': actionRoute(
    { ...NOUN, permission: 'enrolments:approve' },
    'approve',
    'let a host become a device',
    enrolmentApprovalSchema,
  ),
  'enrolments.reject': actionRoute(
    { ...NOUN, permission: 'enrolments:approve' },
    'reject',
    'turn a host away',
    reasonSchema,
  ),
  'enrolmentTokens.list': listRoute({ ...TOKENS, permission: 'enrolments:read' }),
  'enrolmentTokens.create': {
    method: 'POST',
    path: '/api/v1/enrolment-tokens',
    tag: 'Enrolment',
    summary: 'make a token that approves in advance; its secret is shown once',
    access: may('enrolments:approve'),
    status: 201,
    body: enrolmentTokenInputSchema,
    response: newEnrolmentTokenSchema,
    refusals: [409, 422],
    headers: ['idempotency-key'],
  },
  'enrolmentTokens.delete': deleteRoute({ ...TOKENS, permission: 'enrolments:approve' }),
};
