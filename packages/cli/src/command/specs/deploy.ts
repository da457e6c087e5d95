import { argument, restArguments } from '../argument.ts';
import { choice, choices, flag, list, parsedValue, required, value } from '../option.ts';
import {
  ARCH_OPTION,
  CACHE_OPTION,
  JSON_OPTION,
  KARG_OPTION,
  SIGNATURE_POLICY_OPTION,
} from '../shared-options.ts';
import { type CommandSpec, defineCommand } from '../spec.ts';
import { parseSizeBytes, wholeNumber } from '../values.ts';

/** Commands that turn images into machines. */
export const DEPLOY_COMMANDS: readonly CommandSpec[] = [
  defineCommand({
    path: ['image'],
    summary: 'turn an image into a bootable disk',
    description: [
      'Writes a disk with a GPT, a FAT boot partition with systemd-boot and an ext4 root that holds the image sealed with fs-verity. Needs no root user, no loop device, no mount and no container engine. The same inputs give the same bytes.',
      'The disk grows to the size of the machine it is put on at its first boot.',
      'With --rootfs btrfs or xfs the root is made by the mkfs program of that file system, as any user and without mounting it. Its files are not sealed with fs-verity, two builds differ in their bytes, and the root stands in TMPDIR or /var/tmp before it is copied onto the disk.',
      'With --type iso, a medium that boots from a disc and from a USB stick, starts the image and installs it to a disk of the machine, without a network. What --config or --kickstart says goes onto the medium; a kickstart file, or installer.unattended of a configuration, makes it ask nothing. --type pxe is the same for machines that start over the network: a directory for a server.',
      'Beside the disks stands SHA256SUMS. Asked for the same again, disks that nobody touched are not written again; remove one to have it written.',
    ],
    arguments: {
      image: argument('IMAGE', 'oci:DIR:TAG or a registry reference', { completion: 'directory' }),
    },
    options: {
      type: choices(
        ['qcow2'],
        ['raw', 'qcow2', 'vmdk', 'vhd', 'vhdx', 'ami', 'gce', 'ova', 'iso', 'pxe'],
        'format of the disk; several are written in one pass; iso and pxe are systems that install the image',
      ),
      output: required('DIR', 'directory the disks are written to', { short: 'o', completion: 'directory' }),
      size: parsedValue(
        parseSizeBytes,
        'SIZE',
        'size of the disk, such as 10G; what two deployments need unless given',
      ),
      rootfs: choice(
        ['ext4', 'xfs', 'btrfs'],
        'file system of the root; what the configuration says unless given, else ext4. btrfs and xfs are made by mkfs.btrfs and mkfs.xfs of this machine, and their files are not sealed',
      ),
      targetImgref: value('REF', 'image the host follows once it runs; IMAGE unless given'),
      config: value(
        'FILE',
        'what the host becomes besides its image: users, files, partitions and more, in TOML or JSON; one for bootc-image-builder will do',
        { completion: 'file', conflicts: ['kickstart'] },
      ),
      kickstart: value('FILE', 'the same from a kickstart file', { completion: 'file' }),
      payload: list(
        'NAME=REF',
        'another image that --type iso and pxe carry and can install, chosen on the console or by slipway.payload=NAME',
      ),
      zstd: flag('pack the raw disk: disk.raw.zst'),
      noChecksums: flag('write no SHA256SUMS: of a large raw disk it takes as long as the disk'),
      karg: KARG_OPTION,
      signaturePolicy: SIGNATURE_POLICY_OPTION,
      cache: CACHE_OPTION,
      arch: ARCH_OPTION,
      json: JSON_OPTION,
    },
    json: 'path, type, size and SHA-256 of every disk, the deployment on it, and a digest of all that they were made of',
    examples: [
      {
        command: 'slipway image oci:build/shop:v1 --type qcow2 -o build/disks',
        why: 'a disk for QEMU and most clouds',
      },
      {
        command:
          'slipway image oci:build/shop:v1 -o build/disks --target-imgref registry.example/shop:stable',
        why: 'a disk from a local image, updated from a registry',
      },
      {
        command: 'slipway image registry.example/shop:v1 --type raw --type qcow2 --size 20G -o out',
        why: 'two formats of one disk of 20 GiB',
      },
      {
        command: 'slipway image oci:build/shop:v1 --type ami --type gce --type vhd --type ova -o out',
        why: 'one disk for Amazon, Google, Azure and VMware, written once',
      },
      {
        command: 'slipway image oci:build/shop:v1 --config config.toml -o out',
        why: 'a disk with users, keys and partitions of your own',
      },
      {
        command:
          'slipway image oci:build/shop:v1 --type iso --kickstart shop.ks --target-imgref registry.example/shop:stable -o out',
        why: 'a medium that installs machines by itself',
      },
    ],
    load: async () => (await import('../../commands/image.ts')).image,
  }),
  defineCommand({
    path: ['run'],
    summary: 'boot an image or a disk in a virtual machine',
    description: [
      'Starts QEMU with UEFI, with KVM where it truly works and by emulation elsewhere. The machine is reached by ssh on a loopback port with a key made for it. What it writes is thrown away at the end unless --persist is given.',
      'An image is turned into a disk first.',
    ],
    arguments: {
      target: argument('IMAGE|DISK', 'an image reference, or a disk made by slipway image', {
        completion: 'file',
      }),
      command: restArguments('COMMAND', 'run this over ssh and end with its exit code (after --)'),
    },
    options: {
      ssh: flag('open a shell over ssh once the machine is up', { conflicts: ['console'] }),
      console: flag('connect this terminal to the serial console'),
      memory: parsedValue(parseSizeBytes, 'SIZE', 'memory of the machine, 1G unless given'),
      cpus: parsedValue(
        wholeNumber(1, 256),
        'COUNT',
        'processors of the machine; 2 unless given, 1 without KVM',
      ),
      cache: CACHE_OPTION,
      persist: flag('keep what the machine writes, in the disk itself'),
      bios: flag('start it as a machine with a BIOS does; UEFI unless given'),
    },
    examples: [
      { command: 'slipway run oci:build/shop:v1 --ssh', why: 'look around in a machine made from an image' },
      {
        command: 'slipway run build/disks/disk.qcow2 --persist --console',
        why: 'boot a disk, watch it start, keep what it writes',
      },
      {
        command: 'slipway run build/disks/disk.qcow2 --ssh -- systemctl is-system-running',
        why: 'ask a machine one question and take it down',
      },
    ],
    load: async () => (await import('../../commands/run.ts')).run,
  }),
];
