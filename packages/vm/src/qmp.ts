import type { Duplex } from 'node:stream';
import { SlipwayError } from '@slipway/core';
import { Journal } from './journal.ts';

/** Something QEMU tells unasked: `SHUTDOWN`, `RESET`, `STOP`, … */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One command and who waits for its answer. QEMU answers in order, so no ids are needed. */
interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: Error) => void;
}

type Message =
  | { readonly kind: 'greeting' }
  | { readonly kind: 'return'; readonly value: unknown }
  | { readonly kind: 'error'; readonly description: string }
  | { readonly kind: 'event'; readonly event: QmpEvent };

const KEPT_EVENTS = 1000;
/** No answer to a command used here comes near it. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/**
 * Control of a running QEMU over its machine protocol: JSON lines, commands out, answers and events in.
 *
 * @see QEMU docs/interop/qmp-spec
 */
export class QmpClient {
  readonly #socket: Duplex;
  readonly #pending: Pending[] = [];
  readonly #events = new Journal<QmpEvent>(KEPT_EVENTS);
  readonly #greeting = Promise.withResolvers<void>();
  #rest = '';
  #failure: SlipwayError | undefined;

  private constructor(socket: Duplex) {
    this.#socket = socket;
    // Whoever waits for the greeting hears of the failure; nobody waiting is no reason to end the process.
    this.#greeting.promise.catch(() => undefined);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', (cause) => this.#end(`the connection broke: ${cause.message}`));
    for (const last of ['end', 'close']) socket.on(last, () => this.#end('QEMU has ended'));
  }

  /** Waits for QEMU's greeting and leaves negotiation mode, after which every command is accepted. */
  static async connect(socket: Duplex): Promise<QmpClient> {
    const client = new QmpClient(socket);
    await client.#greeting.promise;
    await client.execute('qmp_capabilities');
    return client;
  }

  /**
   * Runs a command and gives what it returns.
   *
   * @throws SlipwayError VM_FAILED when QEMU refuses it or ends before it answers
   */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#failure !== undefined) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.push({ command, resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    return promise;
  }

  /** Events from the beginning, or from now on; ends with QEMU. */
  events(from: 'start' | 'now' = 'start'): AsyncIterable<QmpEvent> {
    return this.#events.follow(from);
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_LINE_BYTES) {
      this.#socket.destroy(new Error('a message without end'));
      return;
    }
    for (const line of lines) if (line.trim() !== '') this.#dispatch(line);
  }

  #dispatch(line: string): void {
    const message = parseMessage(line);
    if (message === undefined) {
      this.#socket.destroy(new Error(`not a message of this protocol: ${line.slice(0, 200)}`));
    } else if (message.kind === 'greeting') {
      this.#greeting.resolve();
    } else if (message.kind === 'event') {
      this.#events.push(message.event);
    } else {
      this.#answer(message);
    }
  }

  #answer(message: Message & { kind: 'return' | 'error' }): void {
    const pending = this.#pending.shift();
    if (pending === undefined) {
      this.#socket.destroy(new Error('an answer nobody asked for'));
    } else if (message.kind === 'return') {
      pending.resolve(message.value);
    } else {
      const what = `cannot control the virtual machine: ${pending.command}: ${message.description}`;
      pending.reject(new SlipwayError('VM_FAILED', what));
    }
  }

  #end(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new SlipwayError('VM_FAILED', `cannot control the virtual machine: ${reason}`);
    this.#socket.end();
    this.#greeting.reject(this.#failure);
    for (const pending of this.#pending.splice(0)) pending.reject(this.#failure);
    this.#events.close();
  }
}

/** One line of the protocol, or undefined when it is none. */
function parseMessage(line: string): Message | undefined {
  const message = parseObject(line);
  if (message === undefined) return undefined;
  if ('QMP' in message) return { kind: 'greeting' };
  if ('return' in message) return { kind: 'return', value: message['return'] };
  if (isObject(message['error'])) {
    const description = message['error']['desc'];
    return { kind: 'error', description: typeof description === 'string' ? description : 'refused' };
  }
  if (typeof message['event'] === 'string') {
    const data = isObject(message['data']) ? message['data'] : {};
    return { kind: 'event', event: { event: message['event'], data } };
  }
  return undefined;
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
