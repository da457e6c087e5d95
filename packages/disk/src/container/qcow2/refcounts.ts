import { CLUSTER_BYTES, ENTRY_BYTES } from './format.ts';

/** Clusters one refcount block counts for, at 16 bits each. */
const COUNTS_PER_BLOCK: number = CLUSTER_BYTES / 2;

/** Counts the references to every cluster of the file; 32 kB for each GiB of it. */
export class RefcountLedger {
  readonly #blocks: Buffer[] = [];

  /** One more reference to every cluster the range touches. */
  add(offsetBytes: number, lengthBytes: number): void {
    const last = Math.floor((offsetBytes + lengthBytes - 1) / CLUSTER_BYTES);
    for (let cluster = Math.floor(offsetBytes / CLUSTER_BYTES); cluster <= last; cluster += 1)
      this.#count(cluster);
  }

  /**
   * The refcount table, to stand at `tableOffset`, and the refcount blocks, to follow it at once. Everything before is
   * counted already, except the clusters between the last counted one and the table.
   */
  encode(tableOffset: number): { readonly table: Buffer; readonly blocks: readonly Buffer[] } {
    // Blocks and table count themselves: grow until what there is covers what there is.
    const before = tableOffset / CLUSTER_BYTES;
    let blockCount = 1;
    let tableClusters = 1;
    for (;;) {
      const neededBlocks = Math.ceil((before + tableClusters + blockCount) / COUNTS_PER_BLOCK);
      const neededTable = Math.ceil((neededBlocks * ENTRY_BYTES) / CLUSTER_BYTES);
      if (neededBlocks <= blockCount && neededTable <= tableClusters) break;
      blockCount = Math.max(blockCount, neededBlocks);
      tableClusters = Math.max(tableClusters, neededTable);
    }
    this.add(tableOffset, (tableClusters + blockCount) * CLUSTER_BYTES);
    const table = Buffer.alloc(tableClusters * CLUSTER_BYTES);
    for (let index = 0; index < blockCount; index += 1) {
      table.writeBigUInt64BE(
        BigInt(tableOffset + (tableClusters + index) * CLUSTER_BYTES),
        index * ENTRY_BYTES,
      );
    }
    return { table, blocks: Array.from({ length: blockCount }, (_, index) => this.#block(index)) };
  }

  #count(cluster: number): void {
    const block = this.#block(Math.floor(cluster / COUNTS_PER_BLOCK));
    const at = (cluster % COUNTS_PER_BLOCK) * 2;
    block.writeUInt16BE(block.readUInt16BE(at) + 1, at);
  }

  #block(index: number): Buffer {
    for (let next = this.#blocks.length; next <= index; next += 1)
      this.#blocks.push(Buffer.alloc(CLUSTER_BYTES));
    return this.#blocks[index] ?? Buffer.alloc(CLUSTER_BYTES);
  }
}
