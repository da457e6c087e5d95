/** Where Linux names its present boot; another after each. See random(4). */
export const BOOT_ID_PATH = '/proc/sys/kernel/random/boot_id';
