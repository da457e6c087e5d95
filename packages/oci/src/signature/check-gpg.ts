/** Whether the simple signatures of an image are by a key a policy names. */
import type { OperationOptions } from '@slipway/core';
import type { FoundSignatures } from './found-signatures.ts';
import { verifyGpgMessage } from './gpg.ts';
import type { KeyMaterial } from './policy.ts';
import { type LoadedMaterial, loadMaterial } from './public-key.ts';
import type { SignatureOutcome } from './signer.ts';
import type { SignedDocument } from './sigstore-bundles.ts';
import { parsePayload } from './simple-signing.ts';

/** Judges every simple signature of an image. The name it was signed under is for the caller to judge. */
export async function checkGpgSignatures(
  found: FoundSignatures,
  keys: KeyMaterial,
  options: OperationOptions,
): Promise<readonly SignatureOutcome[]> {
  const keyring = await loadMaterial(keys);
  const outcomes: SignatureOutcome[] = [];
  for (const { document, signature } of await found.simple()) {
    outcomes.push(await checkOne(signature, document, keyring, options));
  }
  return outcomes;
}

async function checkOne(
  message: Uint8Array,
  document: SignedDocument,
  keyring: readonly LoadedMaterial[],
  options: OperationOptions,
): Promise<SignatureOutcome> {
  const verdict = await verifyGpgMessage(message, keyring, options);
  if (verdict.kind === 'bad') return rejected(verdict.problem);
  const payload = await parsePayload(verdict.signed, 'atomic container signature');
  if (typeof payload === 'string') return rejected(payload);
  const { manifestDigest, dockerReference, optional } = payload;
  if (manifestDigest !== document.digest) return rejected(`it is of another image, ${manifestDigest}`);
  const { fingerprint, userId } = verdict;
  return {
    kind: 'accepted',
    signature: {
      format: 'simple-signing',
      signer: { kind: 'gpg', fingerprint, userId },
      signedDigest: document.digest,
      dockerReference,
      seenAt: undefined,
      annotations: optional,
    },
  };
}

function rejected(problem: string): SignatureOutcome {
  return { kind: 'rejected', signature: { format: 'simple-signing', problem } };
}
