import { argument } from '../argument.ts';
import { choice, flag, parsedValue, parsedValueOr, required, value } from '../option.ts';
import { ARCH_OPTION, JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { parseHostPort, parsePlatform, wholeNumber } from '../values.ts';

const ROOT_OPTION = required('DIR', 'directory of the registry, an OCI layout', { completion: 'directory' });

/** Commands about registries: what goes there, what is in them, and one of your own. */
export const REGISTRY_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['copy'],
    aliases: ['push'],
    summary: 'copy an image between registries, layouts, archives and stores',
    description: [
      'Copies manifest, configuration and layers as they are, so the digest stays the same. What is there already is not sent again, within one registry nothing travels at all; the name appears last, so nobody sees half an image.',
      'SOURCE and TARGET are a registry reference (HOST/NAME:TAG), oci:DIR:TAG, oci-archive:FILE, docker-archive:FILE:NAME:TAG (docker save and docker load), dir:DIR, or containers-storage:NAME:TAG, the images of podman and buildah. The last is read and written by skopeo, which must be installed, and keeps layers unpacked, as docker-archive does: there the image has another digest.',
      'Registries are used as podman and docker are set up to use them: passwords of their login (or REGISTRY_AUTH_FILE) and credential helpers, authorities of certs.d (or SSL_CERT_FILE), HTTPS_PROXY and NO_PROXY, registries.conf for mirrors, short names and registries without TLS. A registry of this machine itself needs no TLS.',
      'An image that is read may be named without its registry, by this command and every other: it is what an alias of registries.conf says, else the first of its unqualified-search-registries that has it; with short-name-mode = "enforcing" more than one are refused. Where an image is written, its registry must be named.',
    ],
    arguments: {
      source: argument('SOURCE', 'the image', { completion: 'directory' }),
      target: argument('TARGET', 'where it goes', { completion: 'directory' }),
    },
    options: {
      all: flag('copy the images of all architectures, with the index that lists them', {
        conflicts: ['arch', 'platform'],
      }),
      arch: ARCH_OPTION,
      platform: parsedValue(parsePlatform, 'linux/ARCH', 'the same as --arch, for any architecture', {
        conflicts: ['arch'],
      }),
      preserveDigests: flag('refuse a target that would know the image under another digest', {
        conflicts: ['compressionFormat'],
      }),
      compressionFormat: choice(
        ['gzip', 'zstd', 'zstd:chunked', 'uncompressed'],
        'pack the layers anew: of zstd:chunked hosts fetch only the files they lack; the digest changes',
        { conflicts: ['all'] },
      ),
      withSignatures: flag('copy the signatures stored beside the image as well, unverified', {
        conflicts: ['compressionFormat'],
      }),
      json: JSON_OPTION,
    },
    json: 'source, target and the digest',
    examples: [
      {
        command: 'slipway push oci:build/shop:v2 registry.example/shop:v2',
        why: 'publish version 2, for hosts to upgrade to',
      },
      {
        command: 'slipway copy --all registry.example/shop:v2 registry.example/shop:stable',
        why: 'let hosts of every architecture that follow stable have what was tested as v2',
      },
      {
        command: 'slipway push --compression-format zstd:chunked oci:build/shop:v2 registry.example/shop:v2',
        why: 'publish it so that hosts, and podman, fetch only what changed',
      },
      {
        command: 'slipway copy registry.example/shop:v2 oci-archive:/media/usb/shop.tar',
        why: 'take an image to where there is no network, as one file',
      },
      {
        command: 'slipway copy containers-storage:localhost/shop:v2 registry.example/shop:v2',
        why: 'publish what podman built',
      },
    ],
    load: async () => (await import('../../commands/copy.ts')).copy,
  }),
  defineCommand({
    path: ['tags'],
    summary: 'list the tags of a repository',
    description: ['Asks the registry for the names images have in a repository.'],
    arguments: { repository: argument('REPOSITORY', 'the repository, HOST/NAME; a tag is not needed') },
    options: { json: JSON_OPTION },
    json: 'the repository and its tags',
    examples: [{ command: 'slipway tags registry.example/shop', why: 'see which versions there are' }],
    load: async () => (await import('../../commands/tags.ts')).tags,
  }),
  defineCommand({
    path: ['referrers'],
    summary: 'list what refers to an image',
    description: [
      'Lists the artefacts stored beside an image that say they are about it: signatures, lists of parts, deltas. It is what the registry says; nothing of it is verified.',
    ],
    arguments: { image: argument('IMAGE', 'a registry reference') },
    options: {
      type: value('TYPE', 'only artefacts of this type, such as application/spdx+json'),
      json: JSON_OPTION,
    },
    json: 'the image, its digest, and digest, type, size and annotations of each artefact',
    examples: [
      { command: 'slipway referrers registry.example/shop:v2', why: 'see what is attached to version 2' },
    ],
    load: async () => (await import('../../commands/referrers.ts')).referrers,
  }),
  defineCommand({
    path: ['registry', 'serve'],
    summary: 'serve a directory as a registry',
    description: [
      'Speaks the OCI distribution specification: slipway, podman, docker, skopeo and every other client push to it and pull from it. The directory is an OCI layout, and what is in one is served: an image named oci:DIR:shop:v1 is shop:v1 of the registry.',
      'It listens on this machine only unless told otherwise. Without a users file everybody who reaches it may push and delete; without a certificate passwords cross the network in the clear.',
      'It prints its address when it is ready, runs until Ctrl-C or SIGTERM, lets what is under way end, and then ends with 0. A service manager that asks is told when it is ready.',
    ],
    arguments: {},
    options: {
      root: ROOT_OPTION,
      listen: parsedValueOr(
        '127.0.0.1:5000',
        parseHostPort,
        'HOST:PORT',
        'where to listen; port 0 is one that is free',
      ),
      tlsCert: value('FILE', 'certificate chain, PEM; the registry then speaks HTTPS', {
        completion: 'file',
      }),
      tlsKey: value('FILE', 'private key of the certificate, PEM', { completion: 'file' }),
      users: value('FILE', 'who may use it; slipway registry passwd writes the file', { completion: 'file' }),
      anonymousPull: flag('let everybody pull, and only users push'),
      readOnly: flag('take no pushes and no deletions', { conflicts: ['anonymousPull'] }),
      publicUrl: value('URL', 'address clients reach it at, where a proxy stands before it'),
    },
    examples: [
      {
        command: 'slipway registry serve --root /srv/images',
        why: 'serve this machine, on port 5000 of the loopback',
      },
      {
        command:
          'slipway registry serve --root /srv/images --listen 0.0.0.0:443 --tls-cert tls.crt --tls-key tls.key --users users --anonymous-pull',
        why: 'serve a network: everybody may pull, users push',
      },
      {
        command: 'slipway registry serve --root build --read-only --listen 0.0.0.0:5000',
        why: 'let machines nearby pull what was built here',
      },
    ],
    load: async () => (await import('../../commands/registry-serve.ts')).registryServe,
  }),
  defineCommand({
    path: ['registry', 'push-file'],
    summary: 'put a file into a registry',
    description: [
      'Pushes any file as an artefact of one layer, to be found again by the digest that is printed: what a release of a fleet names as the payload of clients of other systems. The same file under the same name always has the same digest.',
      'Registries are used as by slipway push: with the passwords of podman login and the authorities of certs.d.',
    ],
    arguments: {
      file: argument('FILE', 'the file; its name is kept', { completion: 'file' }),
      target: argument('TARGET', 'where it goes, HOST/NAME:TAG'),
    },
    options: { json: JSON_OPTION },
    json: 'target, artifact (REPOSITORY@DIGEST), the digests of artefact and file, and the size',
    examples: [
      {
        command:
          'slipway registry push-file flatcar_production_update.gz fleet.example:8443/default/flatcar:4230.2.2',
        why: 'let a fleet server give out an update of Flatcar',
      },
    ],
    load: async () => (await import('../../commands/registry-push-file.ts')).registryPushFile,
  }),
  defineCommand({
    path: ['registry', 'passwd'],
    summary: 'add a user of a registry, or change a password',
    description: [
      'Reads the password from the terminal, or the first line of standard input, and writes its scrypt hash into the users file. A running registry notices.',
    ],
    arguments: { name: argument('NAME', 'the user') },
    options: {
      users: required('FILE', 'the users file; made when there is none', { completion: 'file' }),
      pullOnly: flag('the user may pull and nothing else, as the credentials on hosts should'),
    },
    examples: [
      { command: 'slipway registry passwd --users users ci', why: 'add somebody who pushes' },
      {
        command: 'slipway registry passwd --users users --pull-only hosts',
        why: 'add what hosts log in with',
      },
    ],
    load: async () => (await import('../../commands/registry-passwd.ts')).registryPasswd,
  }),
  defineCommand({
    path: ['registry', 'gc'],
    summary: 'remove what no image of a registry needs',
    description: [
      'Removes blobs no manifest names, and uploads that were left. What is younger than a day stays, because a push under way has blobs before it has a manifest; so the registry may go on running.',
      'A manifest that lost its tag stays, for hosts may have pinned its digest, unless they are to go too.',
    ],
    arguments: {},
    options: {
      root: ROOT_OPTION,
      olderThan: parsedValueOr('24', wholeNumber(0, 1_000_000), 'HOURS', 'what is younger stays'),
      deleteUntagged: flag('also remove manifests without a tag, with what refers to them'),
      dryRun: flag('remove nothing, only say what would be'),
      json: JSON_OPTION,
    },
    json: 'how many manifests, blobs, bytes and leftovers were removed, and what is kept',
    examples: [
      { command: 'slipway registry gc --root /srv/images --dry-run', why: 'see what could go' },
      {
        command: 'slipway registry gc --root /srv/images --delete-untagged --older-than 720',
        why: 'keep a month of images nobody names any more',
      },
    ],
    load: async () => (await import('../../commands/registry-gc.ts')).registryGc,
  }),
];
