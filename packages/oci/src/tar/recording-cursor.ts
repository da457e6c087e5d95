import { ChunkCursor } from './chunk-cursor.ts';

/**
 * A cursor that keeps what it hands out while told to: what an archive holds beside the contents of files. Its stream must not take chunks
 * back.
 */
export class RecordingCursor extends ChunkCursor {
  #recorded: Buffer[] = [];
  #isRecording = true;

  override nextNow(maximum: number): Buffer | undefined {
    const piece = super.nextNow(maximum);
    if (this.#isRecording && piece !== undefined) this.#recorded.push(piece);
    return piece;
  }

  /** What was handed out since recording began; it ends here. */
  stop(): Buffer {
    const bytes = Buffer.concat(this.#recorded);
    this.#recorded = [];
    this.#isRecording = false;
    return bytes;
  }

  start(): void {
    this.#isRecording = true;
  }
}
