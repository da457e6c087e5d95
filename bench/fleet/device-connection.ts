import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';

/** The server of a bench. */
export interface ServerPlace {
  readonly host: string;
  readonly port: number;
  readonly authority: string;
}

export interface DeviceConnectionOptions extends ServerPlace {
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  /** Hold the connection from one question to the next, as agents do. */
  readonly isKept: boolean;
}

const ANSWER_TIMEOUT_MS = 30_000;
/** Servers take sessions for five minutes. */
const SESSION_LIFE_MS = 240_000;
const HEAD_END = '\r\n\r\n';

let shared: { readonly authority: string; readonly context: SecureContext } | undefined;

/**
 * The connection of one device. Where it is not kept the next one resumes its session, which takes one round trip and no signature.
 *
 * HTTP is written by hand: who makes the load shares the processors with who bears it.
 */
export class DeviceConnection {
  readonly #options: DeviceConnectionOptions;
  #socket: TLSSocket | undefined;
  #session: { readonly ticket: Buffer; readonly untilMs: number } | undefined;

  constructor(options: DeviceConnectionOptions) {
    this.#options = options;
  }

  /**
   * @returns the body of the answer
   * @throws Error when no connection comes about, no answer, or one that is a refusal
   */
  async post(path: string, body: string): Promise<string> {
    const kept = this.#socket;
    if (kept === undefined) return await this.#ask(this.#open(), path, body);
    try {
      return await this.#ask(kept, path, body);
    } catch (thrown) {
      // The server may close a kept connection in the moment it is used again: agents ask once more then, and so do these.
      if (!kept.destroyed) throw thrown;
      return await this.#ask(this.#open(), path, body);
    }
  }

  async #ask(socket: TLSSocket, path: string, body: string): Promise<string> {
    const { host, port, isKept } = this.#options;
    const answer = answerOf(socket);
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\nconnection: ${isKept ? 'keep-alive' : 'close'}\r\n` +
        `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}${HEAD_END}${body}`,
    );
    try {
      return bodyOf(await answer);
    } finally {
      if (!isKept) socket.end();
    }
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): TLSSocket {
    const { host, port, isKept } = this.#options;
    const ticket = (this.#session?.untilMs ?? 0) > performance.now() ? this.#session?.ticket : undefined;
    const socket = connect({
      host,
      port,
      secureContext: this.#context(ticket !== undefined),
      ...(ticket === undefined ? {} : { session: ticket }),
    });
    socket.on('session', (next: Buffer) => {
      this.#session = { ticket: next, untilMs: performance.now() + SESSION_LIFE_MS };
    });
    // Of a connection that breaks between two questions the next one is told.
    socket.on('error', () => undefined);
    socket.setNoDelay(true).setEncoding('utf8');
    if (!isKept) return socket;
    this.#socket = socket;
    return socket.once('close', () => (this.#socket = undefined));
  }

  /** A session says who the device is: nothing else need be parsed for it. */
  #context(isResumed: boolean): SecureContext {
    const { authority, certificate, key } = this.#options;
    if (!isResumed) return createSecureContext({ ca: authority, cert: certificate, key });
    if (shared?.authority !== authority)
      shared = { authority, context: createSecureContext({ ca: authority }) };
    return shared.context;
  }
}

/** Head and body of the next answer. */
async function answerOf(socket: TLSSocket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const onData = (chunk: string): void => {
    text += chunk;
    if (isWhole(text)) resolve(text);
  };
  const onClose = (): void => reject(new Error('the server closed the connection'));
  const timer = setTimeout(() => socket.destroy(new Error('the server says nothing')), ANSWER_TIMEOUT_MS);
  socket.on('data', onData).on('error', reject).on('close', onClose);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.off('data', onData).off('error', reject).off('close', onClose);
  }
}

function isWhole(text: string): boolean {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd === -1) return false;
  const length = Number(/\r\ncontent-length: (?<length>\d+)/i.exec(text)?.groups?.['length']);
  return Buffer.byteLength(text) >= headEnd + HEAD_END.length + length;
}

function bodyOf(text: string): string {
  if (!text.startsWith('HTTP/1.1 200 ')) throw new Error(`the server refused: ${text}`);
  return text.slice(text.indexOf(HEAD_END) + HEAD_END.length);
}
