export { ADDON_ASSET } from './addon.ts';
export { type LockMode, lockFile, tryLockFile, unlockFile } from './lock.ts';
export { keepMemoryLow, releaseMemory } from './memory.ts';
export { makeNode, type SpecialFile } from './node.ts';
export { notifyServiceManager } from './notify.ts';
export { type OpenBeneathOptions, openBeneath } from './open-beneath.ts';
export type { PathLike } from './path.ts';
export { exchangePaths, linkOpenFile, O_TMPFILE, renameNoReplace } from './rename.ts';
export { syncFileSystem, syncFileSystemAt } from './sync.ts';
export { type FileTime, setFileTimes } from './times.ts';
export { enableVerity, measureVerity, type VerityAlgorithm, type VerityMeasurement } from './verity.ts';
export {
  getXattr,
  listXattrs,
  readXattrs,
  removeXattr,
  setXattr,
  type XattrWrite,
} from './xattr.ts';
