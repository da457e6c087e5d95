import type { Readable, Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { Journal } from './journal.ts';

const KEPT_LINES = 5000;
const MAX_LINE_CHARACTERS = 4096;

/** Ctrl-], the key that leaves a serial console everywhere. */
const DETACH_BYTE = 0x1d;

/** Where an attached person sits. */
export interface ConsoleTerminal {
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly output: Writable;
}

/** The serial console of a machine: read as lines by programs, or attached to a terminal by a person. */
export class VmConsole {
  readonly #input: Writable;
  readonly #output: Readable;
  readonly #lines = new Journal<string>(KEPT_LINES);
  readonly #decoder = new TextDecoder();
  #partial = '';

  /** Reads always, whether anyone listens or not: a full pipe would stop the machine. */
  constructor(input: Writable, output: Readable) {
    this.#input = input;
    this.#output = output;
    input.on('error', () => undefined);
    output.on('data', (chunk: Buffer) => this.#receive(chunk));
    output.on('close', () => this.#end());
  }

  /** Lines without line ends, colours and cursor movements: those kept since the start, then those to come. */
  lines(from: 'start' | 'now' = 'start', signal?: AbortSignal): AsyncIterable<string> {
    return this.#lines.follow(from, signal);
  }

  /** The newest lines, the one being written included. */
  last(count: number): readonly string[] {
    const partial = plainText(this.#partial);
    return [...this.#lines.last(count), ...(partial === '' ? [] : [partial])].slice(-count);
  }

  /** The first line that matches, waited for; undefined when the machine ends without one. */
  async find(pattern: RegExp, signal?: AbortSignal): Promise<string | undefined> {
    for await (const line of this.lines('start', signal)) if (pattern.test(line)) return line;
    return undefined;
  }

  /** Types on the console. */
  write(bytes: string | Uint8Array): void {
    this.#input.write(bytes);
  }

  /** Joins a terminal and the console until the person presses Ctrl-] or the machine ends. */
  async attach(terminal: ConsoleTerminal): Promise<'detached' | 'ended'> {
    const { promise, resolve } = Promise.withResolvers<'detached' | 'ended'>();
    const show = (chunk: Buffer): void => void terminal.output.write(chunk);
    const type = (chunk: Buffer): void => {
      const end = chunk.indexOf(DETACH_BYTE);
      this.#input.write(end === -1 ? chunk : chunk.subarray(0, end));
      if (end !== -1) resolve('detached');
    };
    const end = (): void => resolve('ended');
    terminal.input.setRawMode?.(true);
    terminal.input.on('data', type).resume();
    this.#output.on('data', show).on('close', end);
    if (this.#output.destroyed) end();
    try {
      return await promise;
    } finally {
      this.#output.off('data', show).off('close', end);
      terminal.input.off('data', type).pause();
      terminal.input.setRawMode?.(false);
    }
  }

  #receive(chunk: Buffer): void {
    const lines = (this.#partial + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#lines.push(plainText(line));
    while (this.#partial.length > MAX_LINE_CHARACTERS) {
      this.#lines.push(plainText(this.#partial.slice(0, MAX_LINE_CHARACTERS)));
      this.#partial = this.#partial.slice(MAX_LINE_CHARACTERS);
    }
  }

  #end(): void {
    if (this.#partial !== '') this.#lines.push(plainText(this.#partial));
    this.#partial = '';
    this.#lines.close();
  }
}

/** A line as it would read on paper. */
function plainText(line: string): string {
  const withoutModes = line.replaceAll(PRIVATE_SEQUENCE, '');
  return stripVTControlCharacters(withoutModes).replaceAll(/(?!\t)\p{Cc}/gu, '');
}

const ESCAPE = String.fromCharCode(0x1b);
/** Control sequences with private parameters (`ESC [ = 3 h`), which firmware sends and Node's list does not have. */
const PRIVATE_SEQUENCE: RegExp = new RegExp(`${ESCAPE}\\[[<=>?][0-?]*[ -/]*[@-~]`, 'g');
