import { readFile } from 'node:fs/promises';
import { messageOf, SlipwayError } from '@slipway/core';
import type { ProviderOptions } from '@slipway/fleet';

/** What is typed about an identity provider. */
export interface ProviderInput {
  readonly oidcIssuer: string | undefined;
  readonly oidcClientId: string | undefined;
  readonly oidcClientSecretFile: string | undefined;
  readonly oidcName: string | undefined;
  readonly oidcGroupsClaim: string | undefined;
}

/**
 * The identity provider that is meant; undefined when none is.
 *
 * @throws SlipwayError USAGE, IO_FAILED
 */
export async function providerOf(input: ProviderInput): Promise<ProviderOptions | undefined> {
  const { oidcIssuer: issuer, oidcClientId: clientId, oidcName: name, oidcGroupsClaim: groupsClaim } = input;
  const secretFile = input.oidcClientSecretFile;
  if (issuer === undefined) {
    if ((secretFile ?? name ?? groupsClaim) === undefined) return undefined;
    throw new SlipwayError('USAGE', 'cannot log people in by an identity provider without its --oidc-issuer');
  }
  if (clientId === undefined) {
    throw new SlipwayError('USAGE', `cannot log people in by ${issuer} without --oidc-client-id`, {
      hint: 'register this server as a client there, and give its id and secret',
    });
  }
  return {
    issuer,
    clientId,
    ...(secretFile === undefined ? {} : { clientSecret: await secretOf(secretFile) }),
    ...(name === undefined ? {} : { name }),
    ...(groupsClaim === undefined ? {} : { groupsClaim }),
  };
}

async function secretOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).split(/\r?\n/)[0] ?? '';
  } catch (cause) {
    throw new SlipwayError('IO_FAILED', `cannot read the client secret ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
