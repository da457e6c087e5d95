/** The grammar of containers-policy.json(5). Apart, because zod costs 30 ms to load. */
import * as z from 'zod';
import type {
  KeyMaterial,
  PolicyRequirement,
  PolicyRequirements,
  SignaturePolicy,
  SignedIdentity,
  SigstoreSigner,
} from './policy.ts';
import { isRepositoryIdentity, isTaggedIdentity } from './signed-name.ts';

const filled: z.ZodType<string> = z.string().min(1, 'is empty');
const data: z.ZodType<Buffer, string> = z
  .base64('is not base64')
  .min(1, 'is empty')
  .transform((text) => Buffer.from(text, 'base64'));
const files: z.ZodType<readonly string[]> = z.array(filled).min(1, 'is empty');
const datas: z.ZodType<readonly Buffer[], readonly string[]> = z.array(data).min(1, 'is empty');

const identity: z.ZodType<SignedIdentity> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('matchExact') }),
  z.strictObject({ type: z.literal('matchRepoDigestOrExact') }),
  z.strictObject({ type: z.literal('matchRepository') }),
  z.strictObject({
    type: z.literal('exactReference'),
    dockerReference: z.string().refine(isTaggedIdentity, 'is not a name with a tag or a digest'),
  }),
  z.strictObject({
    type: z.literal('exactRepository'),
    dockerRepository: z.string().refine(isRepositoryIdentity, 'is not a name without tag and digest'),
  }),
  z.strictObject({ type: z.literal('remapIdentity'), prefix: filled, signedPrefix: filled }),
]);

const DEFAULT_IDENTITY: SignedIdentity = { type: 'matchRepoDigestOrExact' };

const signedBy = z
  .strictObject({
    type: z.literal('signedBy'),
    keyType: z.literal('GPGKeys', 'can only be "GPGKeys"'),
    keyPath: filled.optional(),
    keyPaths: files.optional(),
    keyData: data.optional(),
    signedIdentity: identity.optional(),
  })
  .transform(({ keyPath, keyPaths, keyData, signedIdentity = DEFAULT_IDENTITY }): PolicyRequirement => {
    const keys = materialOf([keyPath, keyPaths, keyData]) ?? NO_KEYS;
    return { type: 'signedBy', keys, identity: signedIdentity };
  });

const fulcio = z
  .strictObject({
    caPath: filled.optional(),
    caData: data.optional(),
    oidcIssuer: filled,
    subjectEmail: filled,
  })
  .transform(({ caPath, caData, oidcIssuer, subjectEmail }): SigstoreSigner => {
    const certificateAuthority = materialOf([caPath, caData]) ?? NO_KEYS;
    return { kind: 'fulcio', certificateAuthority, oidcIssuer, subjectEmail };
  });

const pki = z
  .strictObject({
    caRootsPath: filled.optional(),
    caRootsData: data.optional(),
    caIntermediatesPath: filled.optional(),
    caIntermediatesData: data.optional(),
    subjectEmail: filled.optional(),
    subjectHostname: filled.optional(),
  })
  .transform(
    (fields): SigstoreSigner => ({
      kind: 'pki',
      roots: materialOf([fields.caRootsPath, fields.caRootsData]) ?? NO_KEYS,
      intermediates: materialOf([fields.caIntermediatesPath, fields.caIntermediatesData]),
      subjectEmail: fields.subjectEmail,
      subjectHostname: fields.subjectHostname,
    }),
  );

const sigstoreSigned = z
  .strictObject({
    type: z.literal('sigstoreSigned'),
    keyPath: filled.optional(),
    keyPaths: files.optional(),
    keyData: data.optional(),
    keyDatas: datas.optional(),
    fulcio: fulcio.optional(),
    pki: pki.optional(),
    rekorPublicKeyPath: filled.optional(),
    rekorPublicKeyPaths: files.optional(),
    rekorPublicKeyData: data.optional(),
    rekorPublicKeyDatas: datas.optional(),
    signedIdentity: identity.optional(),
  })
  .transform(({ signedIdentity = DEFAULT_IDENTITY, ...fields }): PolicyRequirement => {
    const keys = materialOf([fields.keyPath, fields.keyPaths, fields.keyData, fields.keyDatas]);
    const signer = fields.fulcio ?? fields.pki ?? { kind: 'keys', keys: keys ?? NO_KEYS };
    const rekorKeys = materialOf([
      fields.rekorPublicKeyPath,
      fields.rekorPublicKeyPaths,
      fields.rekorPublicKeyData,
      fields.rekorPublicKeyDatas,
    ]);
    return { type: 'sigstoreSigned', signer, rekorKeys, identity: signedIdentity };
  });

const requirement: z.ZodType<PolicyRequirement> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('insecureAcceptAnything') }),
  z.strictObject({ type: z.literal('reject') }),
  z
    .strictObject({ type: z.literal('signedBaseLayer'), baseLayerIdentity: identity })
    .transform((): PolicyRequirement => ({ type: 'signedBaseLayer' })),
  signedBy,
  sigstoreSigned,
]);

const requirements: z.ZodType<PolicyRequirements> = z
  .array(requirement)
  .min(1, 'lists no requirement; write {"type": "reject"} or {"type": "insecureAcceptAnything"}')
  .transform((list) => list as unknown as PolicyRequirements);

/** A whole `policy.json`. Which fields go together, {@link policyProblems} says. */
export const policySchema: z.ZodType<SignaturePolicy> = z
  .strictObject({
    default: requirements,
    transports: z.record(z.string(), z.record(z.string(), requirements)).optional(),
  })
  .transform(({ default: fallback, transports = {} }) => ({
    default: fallback,
    transports: new Map(
      Object.entries(transports).map(
        ([transport, scopes]) => [transport, new Map(Object.entries(scopes))] as const,
      ),
    ),
  }));

/** Stands where a problem is reported. */
const NO_KEYS: KeyMaterial = { kind: 'data', data: [] };

type Source = string | Buffer | readonly string[] | readonly Buffer[] | undefined;

/** The one that is given. */
function materialOf(sources: readonly Source[]): KeyMaterial | undefined {
  const source = sources.find((each) => each !== undefined);
  if (source === undefined) return undefined;
  if (typeof source === 'string') return { kind: 'files', paths: [source] };
  if (Buffer.isBuffer(source)) return { kind: 'data', data: [source] };
  const paths = source.filter((item) => typeof item === 'string');
  if (paths.length > 0) return { kind: 'files', paths };
  return { kind: 'data', data: source.filter((item) => Buffer.isBuffer(item)) };
}
