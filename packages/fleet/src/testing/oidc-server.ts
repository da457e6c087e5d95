import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

/** Somebody the provider knows: the login typed into its form is their subject. */
export type Account = Readonly<Record<string, unknown>>;

/** An OpenID provider on the loopback, with its own pages to log in, to consent and to type codes. */
export interface OidcServer extends AsyncDisposable {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** People by subject; may change between logins. */
  readonly accounts: Map<string, Account>;
  /** Lets a server that has its address now use it. */
  serve(redirectUri: string): Promise<void>;
}

export async function startOidcServer(): Promise<OidcServer> {
  const accounts = new Map<string, Account>();
  const [clientId, clientSecret] = ['slipway', 'a secret of forty characters, more or less'];
  let answer: ReturnType<Provider['callback']> | undefined;
  const server = createServer((request, response) => {
    if (answer === undefined) response.writeHead(503).end();
    else void answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: 'first' };
  return {
    issuer,
    clientId,
    clientSecret,
    accounts,
    serve: async (redirectUri) => {
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            redirect_uris: [redirectUri],
            response_types: ['code'],
            grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
          },
        ],
        jwks: { keys: [jwk] },
        cookies: { keys: ['cookies of the provider'] },
        claims: {
          openid: ['sub'],
          profile: ['name', 'preferred_username'],
          email: ['email'],
          groups: ['groups'],
        },
        features: { devInteractions: { enabled: true }, deviceFlow: { enabled: true } },
        pkce: { required: () => true },
        ttl: { Session: 600, Grant: 600, Interaction: 600, AccessToken: 600, IdToken: 600, DeviceCode: 600 },
        findAccount: (_context, id) => ({
          accountId: id,
          claims: () => ({ sub: id, ...accounts.get(id) }),
        }),
      });
      answer = provider.callback();
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
