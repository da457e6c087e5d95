import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';

/** What a browser got. */
export interface Visited {
  readonly url: string;
  readonly status: number;
  readonly location: string | undefined;
  readonly cookies: readonly string[];
  readonly body: string;
}

type Form = Readonly<Record<string, string>>;

const MAX_STEPS = 20;

/** A browser without a screen: cookies by origin, redirects, forms. */
export class TestBrowser {
  readonly #authority: string;
  readonly #cookies = new Map<string, Map<string, string>>();

  constructor(authority: string) {
    this.#authority = authority;
  }

  cookie(url: string, name: string): string | undefined {
    return this.#jar(new URL(url)).get(name);
  }

  keep(url: string, name: string, value: string): void {
    this.#jar(new URL(url)).set(name, value);
  }

  /** Goes there, and where that sends it, until a page, or a redirect that `until` knows. */
  async visit(
    address: string,
    until: (location: string) => boolean = () => false,
    form?: Form,
  ): Promise<Visited> {
    let page = await this.get(address, form);
    for (let step = 0; step < MAX_STEPS; step += 1) {
      if (page.location === undefined || until(page.location)) return page;
      page = await this.get(page.location);
    }
    throw new Error(`${address} sends in circles`);
  }

  /** Fills in the form of a page and sends it. */
  async submit(page: Visited, fill: Form, until?: (location: string) => boolean): Promise<Visited> {
    const action = /<form[^>]* action="(?<action>[^"]+)"/.exec(page.body)?.groups?.['action'];
    if (action === undefined) throw new Error(`there is no form in ${page.url}: ${page.body}`);
    const hidden = [
      ...page.body.matchAll(/<input type="hidden" name="(?<name>[^"]+)" value="(?<value>[^"]*)"/g),
    ];
    const fields = Object.fromEntries(hidden.map(({ groups }) => [groups?.['name'], groups?.['value']]));
    return await this.visit(new URL(action, page.url).href, until, { ...fields, ...fill });
  }

  /** One request. */
  async get(address: string, form?: Form): Promise<Visited> {
    const url = new URL(address);
    const jar = this.#jar(url);
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const headers = {
      accept: 'text/html',
      cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { method: body === undefined ? 'GET' : 'POST', headers, agent: false } as const;
    const asking =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, ca: this.#authority }, resolve)
        : httpRequest(url, options, resolve);
    asking.on('error', reject).end(body);
    const response = await promise;
    const cookies = response.headers['set-cookie'] ?? [];
    for (const cookie of cookies) {
      const [, name = '', value = ''] = /^(?<name>[^=]+)=(?<value>[^;]*)/.exec(cookie) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    const { location } = response.headers;
    return {
      url: url.href,
      status: response.statusCode ?? 0,
      location: location === undefined ? undefined : new URL(location, url).href,
      cookies,
      body: await text(response),
    };
  }

  #jar({ origin }: URL): Map<string, string> {
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    return jar;
  }
}
