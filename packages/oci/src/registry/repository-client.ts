import { type ByteStream, collectBytes, type OperationOptions, SlipwayError } from '@slipway/core';
import { type Actions, Authenticator } from './authenticator.ts';
import { certificateDirectories } from './config-paths.ts';
import type { CredentialSource } from './credentials.ts';
import { DEFAULT_TIMEOUTS, HttpClient, type HttpRequest, type HttpResponse, header } from './http.ts';
import type { HttpTimeouts } from './http-exchange.ts';
import { isLoopback } from './proxy.ts';
import type { RegistryLocation } from './registries-conf.ts';
import {
  errorOfConnection,
  errorOfResponse,
  isAbort,
  mayBePlainHttp,
  type RequestContext,
  refusedElsewhere,
} from './registry-error.ts';
import { DEFAULT_RETRY, type RetryPolicy, Transient, withRetries } from './retry.ts';
import { speaksTls } from './tls-probe.ts';
import { apiHostOf } from './well-known.ts';

/** How to talk to registries; everything has a default. */
export interface RegistryClientOptions {
  /** True: plain HTTP; false: only HTTPS. Default: what registries.conf says; on this machine itself what is spoken there; else HTTPS. */
  readonly plainHttp?: boolean;
  readonly retry?: Partial<RetryPolicy>;
  readonly timeouts?: Partial<HttpTimeouts>;
  /** Default: those of the machine (containers-certs.d(5)). */
  readonly certificateDirectories?: readonly string[];
}

/** One request to a repository. */
export interface RepositoryRequest {
  readonly method: HttpRequest['method'];
  /** Below `/v2/<repository>/`, or below the registry when it starts with a slash, or an absolute address a registry gave us. */
  readonly target: string | URL;
  readonly actions: Actions;
  /** For messages: "pull the manifest v1 of". */
  readonly doing: string;
  /** Statuses that are an answer. */
  readonly expect: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream can be sent once: such a request is neither repeated nor sent again after logging in. */
  readonly body?: Uint8Array | ByteStream;
}

/**
 * `insecure`: HTTPS with any certificate, else plain HTTP. `loopback`: HTTPS where it is spoken, with a certificate that is
 * trusted, else plain HTTP, which nobody else can overhear.
 */
type Scheme = 'https' | 'http' | 'insecure' | 'loopback';

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const SAME_REQUEST: ReadonlySet<number> = new Set([307, 308]);

/** Talks to one repository of one registry: logs in, follows redirects, tries again, names what failed. */
export class RepositoryClient implements AsyncDisposable {
  readonly location: RegistryLocation;
  readonly retry: RetryPolicy;
  readonly #http: HttpClient;
  readonly #scheme: Scheme;
  readonly #authenticator: Authenticator;
  #hasAnswered = false;
  #base: Promise<URL> | undefined;

  constructor(
    location: RegistryLocation,
    credentials: CredentialSource,
    options: RegistryClientOptions,
    alsoPull?: string,
  ) {
    this.location = location;
    this.retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#scheme = schemeFor(location, options.plainHttp);
    this.#http = new HttpClient({
      timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
      anyCertificate: this.#scheme === 'insecure',
      certificateDirectories: options.certificateDirectories ?? certificateDirectories(),
    });
    const { registry, repository } = location;
    this.#authenticator = new Authenticator({
      http: this.#http,
      registry,
      repository,
      credentials,
      retry: this.retry,
      alsoPull,
    });
  }

  /** `host[:port]/repository` */
  get name(): string {
    const { registry, repository } = this.location;
    return repository === '' ? registry : `${registry}/${repository}`;
  }

  /**
   * Sends a request until it is answered with one of the expected statuses.
   *
   * @throws SlipwayError OCI_UNAUTHORIZED, OCI_NOT_FOUND, OCI_REGISTRY_FAILED, OCI_UNREACHABLE
   */
  async request(request: RepositoryRequest, options: OperationOptions = {}): Promise<HttpResponse> {
    if (isReplayable(request))
      return await withRetries(this.retry, options, () => this.requestOnce(request, options));
    try {
      return await this.requestOnce(request, options);
    } catch (thrown) {
      throw thrown instanceof Transient ? thrown.error : thrown;
    }
  }

  /**
   * The same, and reads the answer, all of which is asked for again when it breaks off.
   *
   * @param onTooLarge the error for an answer over the limit
   */
  async requestDocument(
    request: RepositoryRequest,
    limitBytes: number,
    onTooLarge: () => Error,
    options: OperationOptions = {},
  ): Promise<{ readonly response: HttpResponse; readonly bytes: Uint8Array }> {
    return await withRetries(this.retry, options, async () => {
      const response = await this.requestOnce(request, options);
      try {
        return { response, bytes: await collectBytes(response.body, limitBytes, onTooLarge) };
      } catch (error) {
        throw errorOfConnection(error, await this.#context(request));
      }
    });
  }

  /** The same without trying again: failures that may pass come as {@link Transient}. */
  async requestOnce(request: RepositoryRequest, options: OperationOptions = {}): Promise<HttpResponse> {
    const base = await this.#findBase(request, options);
    let url = this.#resolve(request.target, base);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await this.#authorized(url, base, request, options);
      if (request.expect.includes(response.status)) return response;
      const next = redirectTarget(request, response);
      if (next === undefined) throw await this.#refusal(response, base, request);
      await response.discard();
      url = next;
    }
    throw new SlipwayError(
      'OCI_REGISTRY_FAILED',
      `cannot ${request.doing} ${this.name}: it redirects in a circle`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }

  async #refusal(response: HttpResponse, base: URL, request: RepositoryRequest): Promise<Error> {
    const context = await this.#context(request);
    const isElsewhere = response.url.origin !== base.origin;
    if (!isElsewhere || (response.status !== 401 && response.status !== 403)) {
      return await errorOfResponse(response, context);
    }
    await response.discard();
    return refusedElsewhere(response, context);
  }

  /**
   * Logs in when asked to, once; an address elsewhere never sees who we are. A stream cannot be sent a second time: what is learnt
   * then is for the next attempt.
   */
  async #authorized(
    url: URL,
    base: URL,
    request: RepositoryRequest,
    options: OperationOptions,
  ): Promise<HttpResponse> {
    if (url.origin !== base.origin) return await this.#send(url, request, undefined, options);
    const authorization = await this.#authenticator.header(request.actions, options);
    const response = await this.#send(url, request, authorization, options);
    if (response.status !== 401) return response;
    if (!(await this.#authenticator.learn(response, request.actions, authorization, options)))
      return response;
    if (!isReplayable(request)) {
      const refusal = await errorOfResponse(response, await this.#context(request));
      throw new Transient(refusal, { attempts: 2 });
    }
    await response.discard();
    return await this.#send(
      url,
      request,
      await this.#authenticator.header(request.actions, options),
      options,
    );
  }

  async #send(
    url: URL,
    { method, headers, body, ...request }: RepositoryRequest,
    authorization: string | undefined,
    options: OperationOptions,
  ): Promise<HttpResponse> {
    try {
      const response = await this.#http.send({
        method,
        url,
        headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
        ...(body === undefined ? {} : { body }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      this.#hasAnswered = true;
      return response;
    } catch (error) {
      throw errorOfConnection(error, await this.#context(request));
    }
  }

  async #context({ doing }: { readonly doing: string }): Promise<RequestContext> {
    const { registry, repository } = this.location;
    const hasCredentials = await this.#authenticator.hasCredentials();
    const nowMs = this.retry.clock.nowMs();
    return { doing, registry, repository, hasCredentials, hasAnswered: this.#hasAnswered, nowMs };
  }

  /** An address a registry gives may be relative, and may say http where a proxy before it speaks https. */
  #resolve(target: string | URL, base: URL): URL {
    const url =
      typeof target === 'string' && !target.startsWith('/')
        ? new URL(`/v2/${this.location.repository}/${target}`, base)
        : new URL(target, base);
    if (url.hostname === base.hostname && url.protocol !== base.protocol) {
      url.protocol = base.protocol;
      url.port = base.port;
    }
    return url;
  }

  #findBase(request: RepositoryRequest, options: OperationOptions): Promise<URL> {
    this.#base ??= this.#probe(request, options).catch((error: unknown) => {
      // The next request may try again.
      this.#base = undefined;
      throw error;
    });
    return this.#base;
  }

  /** A registry called insecure may speak HTTPS with any certificate, or plain HTTP: HTTPS is tried first. */
  async #probe(request: RepositoryRequest, { signal }: OperationOptions): Promise<URL> {
    const registry = apiHostOf(this.location.registry);
    const https = new URL(`https://${registry}`);
    if (this.#scheme === 'https') return https;
    if (this.#scheme === 'http') return new URL(`http://${registry}`);
    if (this.#scheme === 'loopback') {
      return (await speaksTls(https, signal)) ? https : new URL(`http://${registry}`);
    }
    try {
      const url = new URL('/v2/', https);
      const response = await this.#http.send({
        method: 'GET',
        url,
        ...(signal === undefined ? {} : { signal }),
      });
      await response.discard();
      return https;
    } catch (error) {
      if (!isAbort(error) && mayBePlainHttp(error)) return new URL(`http://${registry}`);
      throw errorOfConnection(error, await this.#context(request));
    }
  }
}

function schemeFor({ registry, insecure }: RegistryLocation, plainHttp: boolean | undefined): Scheme {
  if (plainHttp !== undefined) return plainHttp ? 'http' : 'https';
  if (insecure !== undefined) return insecure ? 'insecure' : 'https';
  return isLoopback(new URL(`https://${registry}`).hostname) ? 'loopback' : 'https';
}

/** Whether a request can be sent a second time. */
function isReplayable({ body }: RepositoryRequest): boolean {
  return body === undefined || body instanceof Uint8Array;
}

/**
 * Where a registry sends us; undefined when the answer is no redirect we follow. What changes something goes elsewhere only where the
 * status says that it stays the same request (RFC 9110, section 15.4).
 */
function redirectTarget(request: RepositoryRequest, response: HttpResponse): URL | undefined {
  const location = header(response, 'location');
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  const isSame = SAME_REQUEST.has(response.status) && isReplayable(request);
  if (!REDIRECTS.has(response.status) || !(isReading || isSame) || location === undefined) return undefined;
  if (!URL.canParse(location, response.url)) return undefined;
  const url = new URL(location, response.url);
  const isDowngrade = response.url.protocol === 'https:' && url.protocol !== 'https:';
  return isDowngrade || (url.protocol !== 'https:' && url.protocol !== 'http:') ? undefined : url;
}
