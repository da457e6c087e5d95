import * as z from 'zod';
import {
  type CheckIn,
  type CheckInAnswer,
  checkInAnswerSchema,
  checkInSchema,
  type IssuedCertificate,
  issuedCertificateSchema,
} from '../resources/check-in.ts';
import { type DesiredState, desiredStateSchema } from '../resources/desired-state.ts';
import {
  type EnrolmentAnswer,
  type EnrolmentAsk,
  enrolmentAnswerSchema,
  enrolmentAskSchema,
} from '../resources/enrolment.ts';
import type { NameParams, RouteTable } from './route.ts';

/** What hosts say: enrolment without an identity, the rest with their certificate. */
export interface AgentCalls {
  readonly 'enrol.ask': { readonly body: EnrolmentAsk; readonly response: EnrolmentAnswer };
  readonly 'enrol.poll': { readonly params: NameParams; readonly response: EnrolmentAnswer };
  readonly 'device.checkIn': { readonly body: CheckIn; readonly response: CheckInAnswer };
  readonly 'device.desired': { readonly response: DesiredState };
  readonly 'device.renew': { readonly body: { readonly csr: string }; readonly response: IssuedCertificate };
}

export const AGENT_ROUTES: RouteTable<AgentCalls> = {
  'enrol.ask': {
    method: 'POST',
    path: '/api/v1/enrol',
    tag: 'Agent',
    summary: 'ask to become a device; asking again with the same key is the same request',
    access: { kind: 'public' },
    status: 200,
    body: enrolmentAskSchema,
    response: enrolmentAnswerSchema,
    refusals: [409, 422],
  },
  'enrol.poll': {
    method: 'GET',
    path: '/api/v1/enrol/{name}',
    tag: 'Agent',
    summary: 'ask where an enrolment stands',
    access: { kind: 'public' },
    status: 200,
    response: enrolmentAnswerSchema,
    refusals: [404],
  },
  'device.checkIn': {
    method: 'POST',
    path: '/api/v1/device/check-in',
    tag: 'Agent',
    summary: 'tell how the device is and learn what it should be',
    access: { kind: 'device' },
    status: 200,
    body: checkInSchema,
    response: checkInAnswerSchema,
    refusals: [422],
  },
  'device.desired': {
    method: 'GET',
    path: '/api/v1/device/desired',
    tag: 'Agent',
    summary: 'read what the device should be; `Prefer: wait=240` with `If-None-Match` waits for a change',
    access: { kind: 'device' },
    status: 200,
    response: desiredStateSchema,
    refusals: [304],
    headers: ['if-none-match', 'prefer'],
  },
  'device.renew': {
    method: 'POST',
    path: '/api/v1/device/certificate',
    tag: 'Agent',
    summary: 'get a new certificate for the same key, or for a new one',
    access: { kind: 'device' },
    status: 200,
    body: z.strictObject({ csr: z.string().min(64).max(16_384) }),
    response: issuedCertificateSchema,
    refusals: [422],
  },
};
