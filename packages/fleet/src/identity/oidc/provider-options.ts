import { SlipwayError } from '@slipway/core';

/** The identity provider people log in by (OpenID Connect). */
export interface ProviderOptions {
  /** Its URL, as it names itself: https, or http on this machine alone. */
  readonly issuer: string;
  readonly clientId: string;
  /** Without it this server is a public client. */
  readonly clientSecret?: string;
  /** What the login page calls it; the host of the issuer when left out. */
  readonly name?: string;
  /** Claim that holds somebody's groups; `realm_access.roles` looks inside. Default: `groups`. */
  readonly groupsClaim?: string;
}

/**
 * Refuses settings that cannot be meant, before anything listens.
 *
 * @throws SlipwayError FLEET_PROVIDER_INVALID
 */
export function checkProviderOptions({ issuer, clientId, clientSecret }: ProviderOptions): void {
  if (!URL.canParse(issuer)) throw invalid(`the issuer '${issuer}' is no URL`);
  const url = new URL(issuer);
  if (!isSafeAddress(url)) throw invalid(`the issuer ${issuer} is not reached by https`);
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    throw invalid(`the issuer of an identity provider is a URL with nothing but host and path`);
  if (clientId === '') throw invalid('the client id is empty');
  if (clientSecret === '') throw invalid('the client secret is empty');
}

/** Whether tokens may go there: by TLS, or without leaving this machine. */
export function isSafeAddress({ protocol, hostname }: URL): boolean {
  const isLoopback =
    hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback);
}

function invalid(problem: string): SlipwayError {
  return new SlipwayError('FLEET_PROVIDER_INVALID', `cannot log people in: ${problem}`, {
    hint: 'give issuer, client id and client secret as the identity provider shows them',
  });
}
