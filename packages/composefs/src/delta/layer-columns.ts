import { ByteWriter } from '../import/varint.ts';
import { COLUMNS, type ColumnName, OPERATION } from './format.ts';
import type { PatchStep } from './match.ts';

/** Writes the columns of the control section. */
export class LayerColumns {
  readonly #columns: Readonly<Record<ColumnName, ByteWriter>>;
  #nextReference = 0;

  constructor() {
    const columns = COLUMNS.map((name) => [name, new ByteWriter(64 * 1024)]);
    this.#columns = Object.fromEntries(columns) as Record<ColumnName, ByteWriter>;
  }

  /** The file that costs nothing to refer to. */
  get expected(): number {
    return this.#nextReference;
  }

  /** Begins a segment with so many bytes of skeleton. */
  head(lengthBytes: number, hasChecksums: boolean): void {
    this.#columns.heads.number(lengthBytes * 2 + (hasChecksums ? 0 : 1));
  }

  copy(reference: number): void {
    this.#columns.operations.number(OPERATION.copy);
    this.#refer(reference);
  }

  patch(reference: number, sizeBytes: number, steps: readonly PatchStep[]): void {
    const { operations, sizes, adds, extras, seeks } = this.#columns;
    operations.number(OPERATION.patch);
    this.#refer(reference);
    sizes.number(sizeBytes);
    let oldAt = 0;
    for (const [index, step] of steps.entries()) {
      oldAt += step.addBytes;
      const next = steps[index + 1]?.oldAt ?? oldAt;
      adds.number(step.addBytes);
      extras.number(step.extraBytes);
      seeks.signed(next - oldAt);
      oldAt = next;
    }
  }

  fresh(sizeBytes: number): void {
    this.#columns.operations.number(OPERATION.fresh);
    this.#columns.sizes.number(sizeBytes);
  }

  end(): void {
    this.#columns.operations.number(OPERATION.end);
  }

  /** All columns, each after its length. */
  finish(): Buffer {
    const whole = new ByteWriter(64 * 1024);
    for (const name of COLUMNS) whole.bytes(this.#columns[name].take());
    return whole.take();
  }

  #refer(reference: number): void {
    this.#columns.references.signed(reference - this.#nextReference);
    this.#nextReference = reference + 1;
  }
}
