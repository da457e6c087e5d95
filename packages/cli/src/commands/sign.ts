import { SlipwayError } from '@slipway/core';
import {
  type AttachedSignature,
  expandReference,
  parsePrivateKey,
  readKeyFile,
  type SignatureFormat,
  signingIdentity,
  signWholeImage,
} from '@slipway/oci';
import type { CommandContext } from '../command/spec.ts';
import { emit } from '../output/emit.ts';
import { keyPassword } from './key-password.ts';

interface SignInput {
  readonly image: string;
  readonly key: string;
  readonly passwordFile: string | undefined;
  readonly signIdentity: string | undefined;
  readonly format: readonly SignatureFormat[];
  readonly annotation: readonly (readonly [name: string, value: string])[];
  readonly json: boolean;
}

/** `slipway sign REF`. */
export async function sign(input: SignInput, context: CommandContext): Promise<number> {
  const reference = await expandReference(input.image, context.operation);
  if (reference.kind !== 'registry' && reference.kind !== 'oci') {
    throw new SlipwayError('USAGE', `cannot sign ${input.image}: nothing can be stored beside it`, {
      hint: 'copy it to a registry or to oci:DIR:TAG first',
    });
  }
  const identity = input.signIdentity ?? signingIdentity(reference);
  const pem = (await readKeyFile(input.key)).toString('utf8');
  const key = await parsePrivateKey(pem, () => keyPassword(input.passwordFile), input.key);
  const request = {
    reference,
    identity,
    key,
    formats: input.format,
    annotations: Object.fromEntries(input.annotation),
  };
  const signed = await signWholeImage(request, context.operation);
  const answer = {
    image: input.image,
    identity,
    keyFingerprint: key.publicKey.fingerprint,
    signed: signed.map(({ subject, signatures }) => ({ digest: subject.digest, signatures })),
  };
  emit(context, input, answer, (made) =>
    made.signed.flatMap(({ digest, signatures }) =>
      signatures.map((each) => `${digest}  ${placeWords(each)}`),
    ),
  );
  return 0;
}

function placeWords({ format, tag, digest }: AttachedSignature): string {
  return tag === undefined ? `${format}, ${digest}` : `${format}, ${tag}`;
}
