import { addon } from './addon.ts';

/**
 * Lets the C library give large blocks back to the system as soon as they are freed, and its threads share two heaps. By itself it
 * learns from large blocks to keep them, and a heap for every thread is full of holes after a while: work that passes many buffers on
 * ends up holding twice what it uses. For all of the process, from now on; nothing where the C library is another one.
 *
 * @throws SlipwayError LINUX_ONLY, ADDON_MISSING
 */
export function keepMemoryLow(): void {
  addon().frugalMalloc();
}

/**
 * Gives memory nothing is in back to the system, after work that is over.
 *
 * @throws SlipwayError LINUX_ONLY, ADDON_MISSING
 */
export function releaseMemory(): void {
  addon().trimMalloc();
}
