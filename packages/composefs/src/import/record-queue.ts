import type { Repository } from '../repository/repository.ts';
import type { NamedRecord } from '../repository/store.ts';

/**
 * Makes records durable behind the work on the next layers: one sync at a time, for all records that came while the one before
 * ran. A failure is thrown by {@link finished}.
 */
export class RecordQueue {
  readonly #repository: Repository;
  readonly #onFailure: (cause: unknown) => void;
  #waiting: NamedRecord[] = [];
  #writing: Promise<void> | undefined;
  #failure: { readonly cause: unknown } | undefined;

  /** `onFailure` hears of a failure at once, so that no more work is begun. */
  constructor(repository: Repository, onFailure: (cause: unknown) => void) {
    this.#repository = repository;
    this.#onFailure = onFailure;
  }

  add(record: NamedRecord): void {
    this.#waiting.push(record);
    this.#writing ??= this.#write();
  }

  /** Waits for all records, and throws what went wrong behind the scenes. */
  async finished(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.cause;
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#repository.putRecords(this.#waiting.splice(0));
    } catch (cause) {
      this.#failure = { cause };
      this.#onFailure(cause);
    } finally {
      this.#writing = undefined;
    }
  }
}
