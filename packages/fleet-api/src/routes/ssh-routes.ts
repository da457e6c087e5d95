import {
  type DeviceSshAnswer,
  type DeviceSshAsk,
  deviceSshAnswerSchema,
  deviceSshAskSchema,
  type SshAuthorities,
  type SshCertificate,
  type SshCertificateAsk,
  type SshRevocations,
  sshAuthoritiesSchema,
  sshCertificateAskSchema,
  sshCertificateSchema,
  sshRevocationsSchema,
} from '../resources/ssh.ts';
import { may, type RouteTable } from './route.ts';

/** Certificates of OpenSSH: of people for hosts, and of hosts for people. */
export interface SshCalls {
  readonly 'ssh.authorities': { readonly response: SshAuthorities };
  readonly 'ssh.revocations': { readonly response: SshRevocations };
  readonly 'ssh.certify': { readonly body: SshCertificateAsk; readonly response: SshCertificate };
  readonly 'device.ssh': { readonly body: DeviceSshAsk; readonly response: DeviceSshAnswer };
}

export const SSH_ROUTES: RouteTable<SshCalls> = {
  'ssh.authorities': {
    method: 'GET',
    path: '/api/v1/ssh/authorities',
    tag: 'Ssh',
    summary: 'read the keys that sign certificates of people and of hosts',
    access: { kind: 'identity' },
    status: 200,
    response: sshAuthoritiesSchema,
    refusals: [],
  },
  'ssh.revocations': {
    method: 'GET',
    path: '/api/v1/ssh/revocations',
    tag: 'Ssh',
    summary: 'read the list of revoked certificates, for RevokedHostKeys of ssh and RevokedKeys of sshd',
    access: { kind: 'identity' },
    status: 200,
    response: sshRevocationsSchema,
    refusals: [],
  },
  'ssh.certify': {
    method: 'POST',
    path: '/api/v1/ssh/certificates',
    tag: 'Ssh',
    summary: 'get a certificate to log in to devices with, for a while',
    access: may('devices:ssh'),
    status: 200,
    body: sshCertificateAskSchema,
    response: sshCertificateSchema,
    refusals: [404, 422],
  },
  'device.ssh': {
    method: 'POST',
    path: '/api/v1/device/ssh',
    tag: 'Agent',
    summary: 'learn whom the ssh server of the device lets in, and get a certificate for its key',
    access: { kind: 'device' },
    status: 200,
    body: deviceSshAskSchema,
    response: deviceSshAnswerSchema,
    refusals: [422],
  },
};
