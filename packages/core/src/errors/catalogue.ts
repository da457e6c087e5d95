import { BOOT_ERRORS } from './boot.ts';
import { BUILD_ERRORS } from './build.ts';
import { COMPOSEFS_ERRORS } from './composefs.ts';
import { CORE_ERRORS } from './core.ts';
import type { ErrorDefinition } from './define.ts';
import { DISK_ERRORS } from './disk.ts';
import { FLEET_ERRORS } from './fleet.ts';
import { HOST_ERRORS } from './host.ts';
import { IMAGE_ERRORS } from './image.ts';
import { INSTALL_ERRORS } from './install.ts';
import { LINUX_ERRORS } from './linux.ts';
import { OCI_ERRORS } from './oci.ts';
import { REGISTRY_ERRORS } from './registry.ts';
import { ROLLOUT_ERRORS } from './rollout.ts';
import { SIGNATURE_ERRORS } from './signature.ts';
import { VM_ERRORS } from './vm.ts';

/** Every error Slipway reports. The exit code, the HTTP status and the reference page come from here. */
export const ERRORS: typeof CORE_ERRORS &
  typeof LINUX_ERRORS &
  typeof OCI_ERRORS &
  typeof SIGNATURE_ERRORS &
  typeof REGISTRY_ERRORS &
  typeof COMPOSEFS_ERRORS &
  typeof DISK_ERRORS &
  typeof BOOT_ERRORS &
  typeof VM_ERRORS &
  typeof BUILD_ERRORS &
  typeof HOST_ERRORS &
  typeof IMAGE_ERRORS &
  typeof INSTALL_ERRORS &
  typeof ROLLOUT_ERRORS &
  typeof FLEET_ERRORS = {
  ...CORE_ERRORS,
  ...LINUX_ERRORS,
  ...OCI_ERRORS,
  ...SIGNATURE_ERRORS,
  ...REGISTRY_ERRORS,
  ...COMPOSEFS_ERRORS,
  ...DISK_ERRORS,
  ...BOOT_ERRORS,
  ...VM_ERRORS,
  ...BUILD_ERRORS,
  ...HOST_ERRORS,
  ...IMAGE_ERRORS,
  ...INSTALL_ERRORS,
  ...ROLLOUT_ERRORS,
  ...FLEET_ERRORS,
} satisfies Record<string, ErrorDefinition>;

/** The closed set of codes; callers branch on it, people read the message. */
export type ErrorCode = keyof typeof ERRORS;
