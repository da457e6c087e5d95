import { argument } from '../argument.ts';
import { choiceOr, flag, list, parsedList, parsedValue, parsedValueOr, required, value } from '../option.ts';
import { ARCH_OPTION, CACHE_OPTION, EPOCH_OPTION, JSON_OPTION } from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { parseNameValue, wholeNumber } from '../values.ts';

/** Commands that make images. */
export const BUILD_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['base', 'build'],
    summary: 'build a bootable Debian base image',
    description: [
      'Makes an image with kernel, systemd, dracut, systemd-boot, ssh and Slipway itself from the Debian mirror this machine is configured for. The same inputs give the same digest.',
      'The result is an ordinary OCI image: a Containerfile starts FROM it, whatever tool builds that.',
    ],
    arguments: {},
    options: {
      release: choiceOr('trixie', ['trixie', 'bookworm'], 'release of Debian'),
      output: required('oci:DIR:TAG', 'where the image goes', { short: 'o', completion: 'directory' }),
      binary: value(
        'FILE',
        'the single executable that becomes /usr/bin/slipway; that of this Slipway unless given',
        {
          completion: 'file',
        },
      ),
      osDir: value('DIR', 'what goes inside an image, the directory os/ of Slipway; its own unless given', {
        completion: 'directory',
      }),
      package: list('NAME', 'one more Debian package'),
      sourceDateEpoch: EPOCH_OPTION,
      cache: CACHE_OPTION,
      json: JSON_OPTION,
    },
    json: 'where the image is, its digest and its size',
    examples: [
      {
        command: 'slipway base build -o oci:build/base:trixie',
        why: 'build Debian 13 into an OCI layout',
      },
      {
        command: 'slipway base build --release bookworm -o oci:build/base:bookworm',
        why: 'the same with Debian 12',
      },
    ],
    load: async () => (await import('../../commands/base-build.ts')).baseBuild,
  }),
  defineCommand({
    path: ['build'],
    summary: 'build an image from a Containerfile',
    description: [
      'Drives buildah, or podman or docker when chosen, and reads and writes OCI layouts and registries. Where this machine does not let buildah make containers, it falls back to chroot isolation by itself.',
      'Nothing requires this command: an image from any other builder works as well.',
    ],
    arguments: {
      context: argument('CONTEXT', 'directory the Containerfile copies from', { completion: 'directory' }),
    },
    options: {
      file: value('FILE', 'the Containerfile; CONTEXT/Containerfile unless given', {
        short: 'f',
        completion: 'file',
      }),
      tag: required('REF', 'where the image goes: oci:DIR:TAG or a registry reference', { short: 't' }),
      buildArg: parsedList(
        parseNameValue,
        'NAME=VALUE',
        'value of an ARG of the Containerfile; oci:DIR:TAG is an image it can start FROM',
      ),
      tool: choiceOr(
        'auto',
        ['auto', 'buildah', 'podman', 'docker'],
        'program that builds; auto takes the first there is',
      ),
      isolation: choiceOr(
        'auto',
        ['auto', 'oci', 'rootless', 'chroot'],
        'how RUN steps are isolated; auto takes the strongest this machine allows',
      ),
      sourceDateEpoch: EPOCH_OPTION,
      arch: ARCH_OPTION,
      json: JSON_OPTION,
    },
    json: 'where the image is and its digest',
    examples: [
      {
        command: 'slipway build -t oci:build/shop:v1 examples/application',
        why: 'build examples/application/Containerfile into an OCI layout',
      },
      {
        command:
          'slipway build -t oci:build/shop:v1 --build-arg BASE=oci:build/base:trixie examples/application',
        why: 'the same on a base image in a layout, where the file says ARG BASE and FROM ${BASE}',
      },
      {
        command: 'slipway build -f Containerfile.v2 -t registry.example/shop:v2 --build-arg VERSION=2 .',
        why: 'build another file with an argument and push the result',
      },
    ],
    load: async () => (await import('../../commands/build.ts')).build,
  }),
  defineCommand({
    path: ['diff'],
    summary: 'compare two images: packages, files, and what an update costs',
    description: [
      'Reads the layers of both, each once, and shows which packages, files, labels, kernels and kernel arguments differ. Packages are read from the database of dpkg, rpm, apk or pacman.',
      'It also says what a host that has the first image fetches to have the second: as whole layers, and as files it does not have yet.',
    ],
    arguments: {
      from: argument(
        'FROM',
        'the image that is there: oci:DIR:TAG, a registry reference, or on a host booted, staged or rollback',
        {
          completion: 'directory',
        },
      ),
      to: argument('TO', 'the image that is to come', { completion: 'directory' }),
    },
    options: {
      files: flag('list every file that is added, removed or changed'),
      arch: ARCH_OPTION,
      json: JSON_OPTION,
    },
    json: 'both images, packages, counts of files (and the files, with --files), kernels, labels and bytes to download',
    examples: [
      { command: 'slipway diff booted staged', why: 'on a host: what the update that is staged brings' },
      {
        command: 'slipway diff registry.example/shop:v1 oci:build/shop:v2',
        why: 'see what an update would change before it is published',
      },
      {
        command: 'slipway diff --files --json oci:build/shop:v1 oci:build/shop:v2',
        why: 'the same file by file, for a program',
      },
    ],
    load: async () => (await import('../../commands/diff.ts')).diff,
  }),
  defineCommand({
    path: ['rechunk'],
    summary: 'rearrange an image into layers that stay the same from version to version',
    description: [
      'Puts what changes together into one layer: the files of a package by the database of dpkg, rpm, apk or pacman, generated files and files of no package apart from them. Of the next version only the layers that changed travel, whatever pulls it: podman, docker, bootc, skopeo or Slipway.',
      'The files stay exactly what they are, times and hard links included, so a host makes the same deployment of it. The same image gives the same digest. With an earlier version at hand everything it has keeps its place.',
      'What a build generates has the time of that build, so a generated file travels again although only its time is new. With --mtime such times are always the same one; a deployment of the result then is another than one of IMAGE.',
    ],
    arguments: {
      image: argument('IMAGE', 'oci:DIR:TAG or a registry reference', { completion: 'directory' }),
    },
    options: {
      tag: required('REF', 'where the new image goes: oci:DIR:TAG or a registry reference', { short: 't' }),
      previous: value('REF', 'the version before, rechunked as well; what did not change keeps its layers'),
      maxLayers: parsedValueOr('96', wholeNumber(5, 500), 'COUNT', 'the most layers the new image may have'),
      compression: choiceOr(
        'zstd:chunked',
        ['gzip', 'zstd', 'zstd:chunked'],
        'how layers are packed; of zstd:chunked hosts fetch only the files they lack',
      ),
      mtime: parsedValue(
        wholeNumber(0, 999_999_999_999),
        'SECONDS',
        'time, since 1970, given to directories and to files of no package; their own unless given',
      ),
      arch: ARCH_OPTION,
      json: JSON_OPTION,
    },
    json: 'where the image is, its digest and size, and name, size and contents of its layers',
    examples: [
      {
        command: 'slipway rechunk oci:build/shop:v1 -t registry.example/shop:v1',
        why: 'publish the first version in layers the second can share',
      },
      {
        command:
          'slipway rechunk oci:build/shop:v2 -t registry.example/shop:v2 --previous registry.example/shop:v1',
        why: 'publish the second, with as much of the first as can be',
      },
    ],
    load: async () => (await import('../../commands/rechunk.ts')).rechunk,
  }),
  defineCommand({
    path: ['inspect'],
    summary: 'show what an image says about itself',
    description: [
      'Reads the manifest and configuration only: digest, architecture, labels, layers and their sizes. No layer is fetched.',
    ],
    arguments: {
      image: argument('IMAGE', 'oci:DIR:TAG or a registry reference', { completion: 'directory' }),
    },
    options: { arch: ARCH_OPTION, json: JSON_OPTION },
    json: 'digest, architecture, creation time, labels and layers',
    examples: [
      { command: 'slipway inspect oci:build/shop:v1', why: 'look at an image in a layout' },
      { command: 'slipway inspect --json registry.example/shop:v2', why: 'the same for a program' },
    ],
    load: async () => (await import('../../commands/inspect.ts')).inspect,
  }),
];
