export { readLayerIds, resolveFiles } from './artefact.ts';
export type { KnownContent, OpenContent } from './chunked/known-content.ts';
export { openPartialLayer, type PartialLayer } from './chunked/reader.ts';
export type { TocChunk, TocFile, TocFileList } from './chunked/toc-files.ts';
export { type ChunkedLayer, type ChunkedOptions, compressChunked } from './chunked/writer.ts';
export { type CopyImageOptions, copyAll, copyImage } from './copy-image.ts';
export {
  checkHashed,
  type DigestAlgorithm,
  DigestHasher,
  digestAlgorithm,
  digestHex,
  digestOf,
  isDigest,
  parseDigest,
  verifyStream,
} from './digest.ts';
export { EMPTY_CONFIG } from './empty-config.ts';
export type {
  BlobRange,
  Descriptor,
  Digest,
  ImageConfig,
  ImageDocument,
  ImageSource,
  Manifest,
  OpenBlobOptions,
  ResolvedImage,
  Transport,
  WholeImageSource,
} from './image.ts';
export { type CompressOptions, compress } from './layer/compress.ts';
export {
  type Compression,
  declaredCompression,
  detectCompression,
  type LayerFormat,
  layerMediaType,
} from './layer/compression.ts';
export { type DecompressOptions, decompress } from './layer/decompress.ts';
export {
  checkPackedLayer,
  type OpenLayerOptions,
  openLayer,
  openPackedLayer,
  type PackedLayer,
  packedLayer,
  unpackLayer,
} from './layer/open-layer.ts';
export { leftoverBytes, removeLeftover } from './layer/partial-file.ts';
export { type WrittenLayer, writeLayer } from './layer/write-layer.ts';
export {
  blobPath,
  formatLayoutIndex,
  type LayoutIndex,
  openBlobFile,
  REF_NAME,
  readLayoutIndex,
} from './layout/layout-files.ts';
export { layoutSource } from './layout/source.ts';
export { type LayoutWriter, openLayoutWriter } from './layout/writer.ts';
export {
  MAX_MANIFEST_BYTES,
  type ManifestDocument,
  MEDIA_TYPES,
  parseImageConfig,
  parseManifest,
  pickPlatform,
} from './manifest.ts';
export { openImage, openTarget } from './open-image.ts';
export { type PushedFile, pushFile } from './push-file.ts';
export { type RecompressOptions, recompressImage } from './recompress-image.ts';
export {
  type ArchiveReference,
  type DirectoryReference,
  formatReference,
  isRepositoryName,
  isTag,
  type LayoutReference,
  parseReference,
  type Reference,
  type RegistryReference,
  type StorageReference,
  withDigest,
} from './reference.ts';
export {
  authFilePaths,
  certificateDirectories,
  registriesConfPaths,
  type Surroundings,
} from './registry/config-paths.ts';
export {
  type CredentialSource,
  type Credentials,
  credentialsFromFiles,
  NO_CREDENTIALS,
} from './registry/credentials.ts';
export { type ExpandOptions, expandReference } from './registry/expand-reference.ts';
export type { HttpTimeouts } from './registry/http-exchange.ts';
export { type CredentialPaths, machineCredentials } from './registry/machine-credentials.ts';
export type { ReferrersOptions } from './registry/referrers.ts';
export { loadRegistriesConf, type MirrorEntry, type RegistryEntry } from './registry/registries-conf.ts';
export { listRepositories, openRepository, type Repository } from './registry/repository.ts';
export type { RetryPolicy } from './registry/retry.ts';
export { type RegistryOptions, registrySource } from './registry/source.ts';
export { type RegistryTargetOptions, registryTarget } from './registry/target.ts';
export {
  type AttachedManifest,
  type AttachedReferrersOptions,
  type Attachments,
  openAttachments,
} from './signature/attachments.ts';
export { checkPolicy, type PolicyOptions, requireTrusted, verdictWords } from './signature/check-policy.ts';
export { copySignatures } from './signature/copy-signatures.ts';
export type { LoadedPolicy } from './signature/policy-file.ts';
export { loadPolicy } from './signature/policy-file.ts';
export { generateKeyPair, parsePrivateKey, type SigningKey } from './signature/private-key.ts';
export { parsePublicKey, readKeyFile, type TrustedKey } from './signature/public-key.ts';
export { type SignedSubject, signingIdentity, signWholeImage } from './signature/sign-image.ts';
export type { AttachedSignature, SignatureFormat, SignRequest } from './signature/sign-request.ts';
export {
  type AcceptedSignature,
  type RejectedSignature,
  type Signer,
  signerWords,
} from './signature/signer.ts';
export type { PolicyVerdict, RequirementVerdict } from './signature/verdict.ts';
export {
  type IdentityPattern,
  type TrustedSigner,
  type VerifiedSignatures,
  verifyImage,
} from './signature/verify-image.ts';
export type { TarEntry, TarHeader } from './tar/entry.ts';
export { encodeHeader } from './tar/header-writer.ts';
export { type ReadTarOptions, readTar, type TarLimits } from './tar/reader.ts';
export { type TarInput, writeTar } from './tar/writer.ts';
export type { ImageTarget, PutManifestOptions } from './target.ts';
