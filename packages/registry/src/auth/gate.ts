import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { RegistryFailure } from '../failure.ts';
import type { Exchange } from '../http/exchange.ts';
import { isPassword, NOBODY } from './password.ts';
import { TOKEN_LIFE_SECONDS, type TokenHolder, Tokens } from './tokens.ts';
import type { Access, UsersFile } from './users-file.ts';

/** Who is let in. */
export type AuthPolicy =
  /** Everybody, to do everything: for a network of one, such as the loopback. */
  | { readonly kind: 'open' }
  /** Users of a file; everybody may pull where `anonymousPull` says so. */
  | { readonly kind: 'users'; readonly file: UsersFile; readonly anonymousPull: boolean }
  /** Whoever the server that embeds the registry knows. */
  | { readonly kind: 'asked'; readonly ask: AskAccess };

/** What a request is for. */
export interface Purpose {
  readonly access: Access;
  /** The repository it is about, if one. */
  readonly repository: string | undefined;
}

/** Name and password as a client sent them. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** What somebody else is asked about. */
export interface AskedPurpose extends Purpose {
  /** It only asks whether its login is good. */
  readonly isProbe: boolean;
}

/** Says whether a request may do what it is for; `unknown`: it must log in first, or its login is none. */
export type AskAccess = (
  purpose: AskedPurpose,
  login: Login | undefined,
  request: IncomingMessage,
) => Promise<'granted' | 'denied' | 'unknown'>;

const REALM = 'slipway registry';
/** Checking one password takes 32 MiB and 100 ms: few at a time, and a line that ends. */
const MAX_WAITING = 32;
const MAX_KNOWN = 1024;
const KNOWN_MS = 300_000;
const MAX_PASSWORD_LENGTH = 1024;

/**
 * Decides who may do what.
 *
 * Users come with a name and password (basic), or with a token they got for them at `/v2/token`. Where anybody may pull, clients are
 * asked for a token first, as by the large registries: all of them know that a token may be had without a password, and few know
 * what to do with a registry that first needs none and then does.
 */
export class Gate {
  readonly #policy: AuthPolicy;
  /** Where clients reach us, when it is not where they say they do. */
  readonly #publicUrl: string | undefined;
  readonly #tokens = new Tokens();
  /** Passwords that were right a short while ago, by a keyed hash: checking them costs 100 ms of a processor. */
  readonly #known = new Map<string, { readonly holder: TokenHolder; readonly endMs: number }>();
  readonly #key = randomBytes(32);
  #waiting = 0;
  #lastCheck: Promise<unknown> = Promise.resolve();

  constructor(policy: AuthPolicy, publicUrl: string | undefined) {
    this.#policy = policy;
    this.#publicUrl = publicUrl;
  }

  /**
   * Lets a request in.
   *
   * @throws RegistryFailure UNAUTHORIZED with the challenge, DENIED for a user who may not, TOOMANYREQUESTS
   */
  async admit(exchange: Exchange, purpose: Purpose, isProbe: boolean): Promise<void> {
    if (this.#policy.kind === 'open') return;
    if (this.#policy.kind === 'asked') {
      await this.#ask(this.#policy.ask, exchange, { ...purpose, isProbe });
      return;
    }
    const holder = await this.#identify(exchange);
    if (holder === undefined) {
      // Clients ask for nothing first, to learn how to log in.
      if (this.#policy.anonymousPull && purpose.access === 'pull' && !isProbe) return;
      throw this.#unauthorized(exchange, purpose, 'log in first');
    }
    if (holder.access === 'push' || purpose.access === 'pull') return;
    if (holder.user === undefined) throw this.#unauthorized(exchange, purpose, 'log in to push');
    throw new RegistryFailure('DENIED', `${holder.user} may only pull`);
  }

  /** Whether blobs of another repository, or of any, may be taken over into the one that is pushed to. */
  async mayMount(exchange: Exchange, from: string | undefined): Promise<boolean> {
    if (this.#policy.kind !== 'asked') return true;
    const purpose = { access: 'pull', repository: from, isProbe: false } as const;
    const login = readBasic(exchange.header('authorization'));
    return (await this.#policy.ask(purpose, login, exchange.request)) === 'granted';
  }

  async #ask(ask: AskAccess, exchange: Exchange, purpose: AskedPurpose): Promise<void> {
    const verdict = await ask(purpose, readBasic(exchange.header('authorization')), exchange.request);
    if (verdict === 'unknown') throw this.#unauthorized(exchange, purpose, 'log in first');
    if (verdict === 'denied') throw new RegistryFailure('DENIED', 'you may not do that here');
  }

  /** GET of a token: for a user, or for anybody where anybody may pull. */
  async answerToken(exchange: Exchange): Promise<void> {
    if (this.#policy.kind !== 'users' || !this.#policy.anonymousPull) {
      throw new RegistryFailure('UNSUPPORTED', 'there are no tokens here', { status: 404 });
    }
    if (exchange.method !== 'GET') {
      throw new RegistryFailure('UNSUPPORTED', 'ask for a token by GET', { headers: { allow: 'GET' } });
    }
    const basic = readBasic(exchange.header('authorization'));
    const anybody: TokenHolder = { user: undefined, access: 'pull' };
    const holder = basic === undefined ? anybody : await this.#login(basic, exchange);
    const token = this.#tokens.issue(holder, Date.now());
    const answer = { token, access_token: token, expires_in: TOKEN_LIFE_SECONDS };
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    exchange.send(200, headers, JSON.stringify(answer));
  }

  async #identify(exchange: Exchange): Promise<TokenHolder | undefined> {
    const header = exchange.header('authorization');
    const basic = readBasic(header);
    if (basic !== undefined) return await this.#login(basic, exchange);
    const token = /^bearer +(?<token>\S+)$/i.exec(header ?? '')?.groups?.['token'];
    // A token of yesterday is none: the client is told where to get another.
    return token === undefined ? undefined : this.#tokens.check(token, Date.now());
  }

  async #login(basic: Login, exchange: Exchange): Promise<TokenHolder> {
    const holder = await this.#check(basic);
    if (holder !== undefined) return holder;
    throw new RegistryFailure('UNAUTHORIZED', 'wrong name or password', {
      headers: { 'www-authenticate': this.#challenge(exchange, undefined) },
    });
  }

  async #check({ username, password }: Login): Promise<TokenHolder | undefined> {
    if (this.#policy.kind !== 'users' || password.length > MAX_PASSWORD_LENGTH) return undefined;
    const { users, version } = await this.#policy.file.read();
    const key = createHmac('sha256', this.#key).update(`${version}\0${username}\0${password}`).digest('hex');
    const known = this.#known.get(key);
    if (known !== undefined && Date.now() < known.endMs) return known.holder;
    const user = users.get(username);
    // A name nobody has takes as long as one somebody has.
    const isRight = await this.#inLine(() => isPassword(password, user?.password ?? NOBODY));
    if (!isRight || user === undefined) return undefined;
    const holder: TokenHolder = { user: user.name, access: user.access };
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, { holder, endMs: Date.now() + KNOWN_MS });
    return holder;
  }

  async #inLine<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      throw new RegistryFailure('TOOMANYREQUESTS', 'too many log in at once', {
        headers: { 'retry-after': '5' },
      });
    }
    this.#waiting += 1;
    const turn = this.#lastCheck.then(work);
    this.#lastCheck = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  #unauthorized(exchange: Exchange, purpose: Purpose, message: string): RegistryFailure {
    return new RegistryFailure('UNAUTHORIZED', message, {
      headers: { 'www-authenticate': this.#challenge(exchange, purpose) },
    });
  }

  /** How to log in (RFC 9110, section 11.6.1; for tokens, Docker's "Token Authentication Specification"). */
  #challenge(exchange: Exchange, purpose: Purpose | undefined): string {
    const origin = this.#publicUrl ?? exchange.origin;
    const isToken = this.#policy.kind === 'users' && this.#policy.anonymousPull && origin !== undefined;
    if (!isToken) return `Basic realm="${REALM}", charset="UTF-8"`;
    const actions = purpose?.access === 'push' ? 'pull,push' : 'pull';
    const repository = purpose?.repository;
    const scope = repository === undefined ? '' : `,scope="repository:${repository}:${actions}"`;
    return `Bearer realm="${origin}/v2/token",service="${REALM}"${scope}`;
  }
}

/** Name and password; undefined when there are none. Some clients that have none send empty ones. */
function readBasic(header: string | undefined): Login | undefined {
  const encoded = /^basic +(?<encoded>[A-Za-z0-9+/=_-]+)$/i.exec(header ?? '')?.groups?.['encoded'];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1 || text === ':') return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
