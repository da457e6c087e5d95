import type { Clock } from '@slipway/core';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  genericGrantRequest,
  type IDToken,
  initiateDeviceAuthorization,
  None,
  ResponseBodyError,
} from 'openid-client';
import { notFound } from '../../http/problem.ts';
import { type Person, personOf } from './person.ts';
import { providerFailed, providerRefused } from './provider-failure.ts';
import { providerFetch } from './provider-fetch.ts';
import { isSafeAddress, type ProviderOptions } from './provider-options.ts';

/** How long one request to a provider may take, answer and all. */
const TIMEOUT_SECONDS = 10;
/** How long what a provider says of itself is believed; its keys are fetched anew whenever one is unknown. */
const DISCOVERY_LIFE_MS = 3_600_000;
const SCOPES = ['openid', 'profile', 'email'];
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const DEFAULT_INTERVAL_SECONDS = 5;

/** What a login under way is known by. */
export interface BrowserLogin {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** A login of a program, which a person allows in a browser elsewhere (RFC 8628). */
export interface DeviceAuthorization {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUrl: string;
  readonly intervalSeconds: number;
  readonly lifeMs: number;
}

/** The identity provider: everything that is asked of it. */
export class IdentityProvider {
  readonly name: string;
  readonly #options: ProviderOptions;
  readonly #clock: Clock;
  readonly #timeoutSeconds: number;
  #known: { readonly configuration: Promise<Configuration>; readonly untilMs: number } | undefined;

  constructor(options: ProviderOptions, clock: Clock, timeoutSeconds: number = TIMEOUT_SECONDS) {
    this.name = options.name ?? new URL(options.issuer).host;
    this.#options = options;
    this.#clock = clock;
    this.#timeoutSeconds = timeoutSeconds;
  }

  /** Where the browser goes (OpenID Connect Core 1.0, section 3.1.2.1, with RFC 7636). */
  async begin({ state, nonce, codeVerifier }: BrowserLogin, redirectUri: string): Promise<string> {
    const configuration = await this.#configuration();
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: scopeOf(configuration),
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
    });
    return url.href;
  }

  /**
   * Who came back with an answer of the provider for this login.
   *
   * @throws SlipwayError FLEET_UNAUTHENTICATED, FLEET_PROVIDER_FAILED
   */
  async finish(answer: URL, { state, nonce, codeVerifier }: BrowserLogin): Promise<Person> {
    const configuration = await this.#configuration();
    return await refusing(async () => {
      const tokens = await authorizationCodeGrant(configuration, answer, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
      });
      return await this.#person(configuration, tokens.access_token, tokens.claims());
    });
  }

  /** @throws SlipwayError FLEET_NOT_FOUND when the provider has no such flow, FLEET_PROVIDER_FAILED */
  async beginDevice(): Promise<DeviceAuthorization> {
    const configuration = await this.#configuration();
    if (configuration.serverMetadata().device_authorization_endpoint === undefined)
      throw notFound('login of programs', `at ${this.name}`);
    const begun = await refusing(
      async () => await initiateDeviceAuthorization(configuration, { scope: scopeOf(configuration) }),
    );
    const { verification_uri: verificationUrl } = begun;
    if (!URL.canParse(verificationUrl) || !isSafeAddress(new URL(verificationUrl)))
      throw providerFailed('it sends people to an address that is not reached by https');
    return {
      deviceCode: begun.device_code,
      userCode: begun.user_code,
      verificationUrl,
      intervalSeconds: begun.interval ?? DEFAULT_INTERVAL_SECONDS,
      lifeMs: begun.expires_in * 1000,
    };
  }

  /**
   * Who allowed the login of a program, as soon as somebody did.
   *
   * @throws SlipwayError FLEET_UNAUTHENTICATED, FLEET_PROVIDER_FAILED
   */
  async pollDevice(deviceCode: string): Promise<Person | 'pending' | 'too-often'> {
    const configuration = await this.#configuration();
    return await refusing(async () => {
      try {
        const tokens = await genericGrantRequest(configuration, DEVICE_GRANT, { device_code: deviceCode });
        return await this.#person(configuration, tokens.access_token, tokens.claims());
      } catch (error) {
        if (error instanceof ResponseBodyError && error.error === 'authorization_pending') return 'pending';
        if (error instanceof ResponseBodyError && error.error === 'slow_down') return 'too-often';
        throw error;
      }
    });
  }

  /** Many providers keep the ID token short and tell the rest when asked; that both mean the same subject is checked. */
  async #person(
    configuration: Configuration,
    accessToken: string,
    token: IDToken | undefined,
  ): Promise<Person> {
    if (token === undefined) throw providerRefused('it named nobody');
    const { issuer, userinfo_endpoint: more } = configuration.serverMetadata();
    const told = more === undefined ? {} : await fetchUserInfo(configuration, accessToken, token.sub);
    return personOf(issuer, token.sub, { ...told, ...token }, this.#options.groupsClaim ?? 'groups');
  }

  async #configuration(): Promise<Configuration> {
    const nowMs = this.#clock.nowMs();
    if (this.#known !== undefined && nowMs < this.#known.untilMs) return await this.#known.configuration;
    const known = {
      configuration: discover(this.#options, this.#timeoutSeconds),
      untilMs: nowMs + DISCOVERY_LIFE_MS,
    };
    this.#known = known;
    try {
      return await known.configuration;
    } catch (error) {
      // The next login asks again.
      if (this.#known === known) this.#known = undefined;
      throw providerFailed(error);
    }
  }
}

/** Reads what the provider says of itself. ID tokens are checked by their signatures, although they come over TLS. */
async function discover(
  { issuer, clientId, clientSecret }: ProviderOptions,
  timeout: number,
): Promise<Configuration> {
  const url = new URL(issuer);
  return await discovery(url, clientId, undefined, clientAuth(clientSecret), {
    [customFetch]: providerFetch,
    timeout,
    execute: [enableNonRepudiationChecks, ...(url.protocol === 'http:' ? [allowInsecureRequests] : [])],
  });
}

/** The secret in a header, which every provider must know, unless it says that it wants it in the body. */
function clientAuth(secret: string | undefined): ClientAuth {
  if (secret === undefined) return None();
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (server, client, body, headers) => {
    const wanted = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const auth = wanted.includes('client_secret_basic') ? basic : post;
    auth(server, client, body, headers);
  };
}

function scopeOf(configuration: Configuration): string {
  const { scopes_supported: known } = configuration.serverMetadata();
  return [...SCOPES, ...(known?.includes('groups') === true ? ['groups'] : [])].join(' ');
}

async function refusing<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw providerRefused(error);
  }
}
