import { safeText } from './safe-text.ts';

/** Where standard error goes. */
export interface TextSink {
  write(text: string): void;
  /** Columns of the terminal, asked for at every drawing because it may change. */
  columns(): number;
}

/**
 * The one writer of standard error: lines that stay, and under them a block that is drawn over.
 * Log lines and progress bars share it, so neither tears the other.
 */
export class Screen {
  readonly #sink: TextSink;
  #block: readonly string[] = [];

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  /** Writes a line that stays, above the block. Styles are put on by the caller around safe text. */
  line(styled: string): void {
    this.#sink.write(`${this.#erase()}${styled}\n${this.#drawn(this.#block)}`);
  }

  /** Draws the block anew; an empty one takes it away. */
  block(lines: readonly string[]): void {
    const width = Math.max(20, this.#sink.columns()) - 1;
    const cut = lines.map((line) => safeText(line).slice(0, width));
    const erased = this.#erase();
    this.#block = cut;
    if (erased !== '' || cut.length > 0) this.#sink.write(`${erased}${this.#drawn(cut)}`);
  }

  #erase(): string {
    return this.#block.length === 0 ? '' : `\u001b[${this.#block.length}A\r\u001b[J`;
  }

  #drawn(lines: readonly string[]): string {
    return lines.map((line) => `${line}\n`).join('');
  }
}
