/** Something wrong on a host. */
import type { FsckFinding } from '@slipway/composefs';

/** What was found, and what became of it. */
export interface HostFinding {
  /** Where: the object store, a deployment's own files, the boot partition, the host's records. */
  readonly part: 'store' | 'deployment' | 'boot' | 'state';
  readonly kind:
    | FsckFinding['kind']
    | 'image-missing'
    | 'etc-missing'
    /** The origin file is gone, or not as it was written. */
    | 'origin-damaged'
    | 'var-link'
    /** A secret of an account that is gone. */
    | 'account-stale'
    /** An account has another number here than the image's files. */
    | 'account-number'
    /** A boot entry is not as it was written. */
    | 'entry-damaged'
    | 'entry-missing'
    | 'entry-dangling'
    | 'kernel-damaged'
    /** One of the two copies of the boot loader is not like the other. */
    | 'loader-damaged'
    /** The boot partition of another disk is not like the one that is mounted. */
    | 'copy-differs'
    /** A record of the host is not as it was written. */
    | 'record-damaged'
    | 'history-damaged'
    | 'unreadable';
  /** Digest, id, path or file name. */
  readonly name: string;
  /** What is wrong, for people. */
  readonly message: string;
  /** Whether it is right now. */
  readonly repaired: boolean;
}
