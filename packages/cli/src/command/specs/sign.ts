import { argument } from '../argument.ts';
import { choices, flag, list, parsedList, parsedValueOr, required, value } from '../option.ts';
import { ARCH_OPTION, JSON_OPTION, SIGNATURE_POLICY_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { parseNameValue } from '../values.ts';

const PASSWORD_FILE_OPTION = value(
  'FILE',
  'its first line is the password of the key; else that of the environment variable COSIGN_PASSWORD, which may be empty',
  { completion: 'file' },
);

/** Commands about who vouches for an image. */
export const SIGN_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['sign'],
    summary: 'sign an image with a key',
    description: [
      'Signs the digest of an image and stores the signature beside it, where podman, skopeo, cosign and Slipway look for it. An image for several architectures is signed with every image in it.',
      'The signature says a name besides, and a policy usually demands that it is the one an image is pulled by: REF itself unless another is given.',
      'Signatures that are there stay. The same again changes nothing.',
    ],
    arguments: {
      image: argument('REF', 'the image, in a registry or oci:DIR:TAG', { completion: 'directory' }),
    },
    options: {
      key: required('FILE', 'private key: PEM, or one of generate-key-pair or of cosign', {
        completion: 'file',
      }),
      passwordFile: PASSWORD_FILE_OPTION,
      signIdentity: value(
        'NAME',
        'name to sign the image under, HOST/NAME:TAG; needed for one in a directory',
      ),
      format: choices(
        ['cosign'],
        ['cosign', 'bundle'],
        'how the signature is stored: under a tag, which all read, or as a sigstore bundle that refers to the image',
      ),
      annotation: parsedList(parseNameValue, 'NAME=VALUE', 'something to say in the signature', {
        short: 'a',
      }),
      json: JSON_OPTION,
    },
    json: 'what was signed and where the signatures are',
    examples: [
      { command: 'slipway sign --key cosign.key registry.example/shop:v2', why: 'vouch for version 2' },
      {
        command: 'slipway sign --key cosign.key --sign-identity registry.example/shop:v2 oci:build/shop:v2',
        why: 'sign before publishing, for a host without a network',
      },
    ],
    load: async () => (await import('../../commands/sign.ts')).sign,
  }),
  defineCommand({
    path: ['verify'],
    summary: 'verify the signatures of an image',
    description: [
      'Reads what is signed about an image and says who signed it. With --key the signature must be by that key; with --certificate-identity a certificate authority of the trusted root must have identified the signer. Nothing is asked of any network but the registry.',
      "With neither, this machine's signature policy decides, as it does for upgrade and image: policy.json of the user or in /etc/containers (containers-policy.json(5)). Where it demands no signature, nothing was verified, and the answer is no.",
    ],
    arguments: { image: argument('REF', 'the image', { completion: 'directory' }) },
    options: {
      key: list('FILE', 'public key the signature may be by, PEM', {
        completion: 'file',
        conflicts: ['certificateIdentity', 'certificateIdentityRegexp', 'signaturePolicy'],
      }),
      certificateIdentity: value('TEXT', 'mail address or URI the certificate must name', {
        conflicts: ['certificateIdentityRegexp', 'signaturePolicy'],
      }),
      certificateIdentityRegexp: value('REGEXP', 'the same, as an expression all of it must fit', {
        conflicts: ['signaturePolicy'],
      }),
      certificateOidcIssuer: value('URL', 'who must have identified the signer'),
      certificateOidcIssuerRegexp: value('REGEXP', 'the same, as an expression all of it must fit', {
        conflicts: ['certificateOidcIssuer'],
      }),
      trustedRoot: value(
        'FILE',
        'trusted root of sigstore, JSON: authorities and transparency logs; with --key, a log must have seen the signature',
        { completion: 'file' },
      ),
      annotation: parsedList(parseNameValue, 'NAME=VALUE', 'what the signature must say', { short: 'a' }),
      signaturePolicy: SIGNATURE_POLICY_OPTION,
      arch: ARCH_OPTION,
      json: JSON_OPTION,
    },
    json: 'image, digests, the verdict of the policy where one was asked, signatures that hold and those that do not',
    exitCodes: [{ code: 1, meaning: 'no signature is what was asked for, or the policy demands none' }],
    examples: [
      { command: 'slipway verify registry.example/shop:v2', why: 'what would this host say to it' },
      {
        command: 'slipway verify --key cosign.pub registry.example/shop:v2',
        why: 'is it signed with our key',
      },
      {
        command:
          'slipway verify --trusted-root trusted_root.json --certificate-identity ci@shop.example --certificate-oidc-issuer https://login.shop.example registry.example/shop:v2',
        why: 'is it signed by the build service, without a lasting key',
      },
    ],
    load: async () => (await import('../../commands/verify.ts')).verify,
  }),
  defineCommand({
    path: ['generate-key-pair'],
    summary: 'make a key pair to sign images with',
    description: [
      'Writes PREFIX.key, a private key encrypted with a password, and PREFIX.pub, the public key hosts get: what cosign generate-key-pair writes. Files that are there are not replaced.',
    ],
    arguments: {},
    options: {
      outputKeyPrefix: parsedValueOr(
        'cosign',
        (text) => text,
        'PREFIX',
        'start of the names of the two files',
      ),
      passwordFile: PASSWORD_FILE_OPTION,
      force: flag('replace files that are there'),
      json: JSON_OPTION,
    },
    json: 'paths of the two files and the fingerprint of the key',
    examples: [
      {
        command: 'slipway generate-key-pair --password-file password',
        why: 'cosign.key and cosign.pub, in this directory',
      },
    ],
    load: async () => (await import('../../commands/generate-key-pair.ts')).generateKeyPairFiles,
  }),
];
