/** What a configuration says once it is checked. Sizes are bytes. What is not said is left as the image has it. */

type Maybe<T> = T | undefined;

/** Somebody who may log in. */
export interface UserConfig {
  readonly name: string;
  readonly description?: Maybe<string>;
  /** A hash of crypt(5), or plain text. */
  readonly password?: Maybe<string>;
  /** Public keys, one a line. */
  readonly key?: Maybe<string>;
  readonly keys?: Maybe<readonly string[]>;
  readonly home?: Maybe<string>;
  readonly shell?: Maybe<string>;
  readonly groups?: Maybe<readonly string[]>;
  readonly uid?: Maybe<number>;
  readonly gid?: Maybe<number>;
  /** Days since 1970. */
  readonly expiredate?: Maybe<number>;
  readonly force_password_reset?: Maybe<boolean>;
  readonly locked?: Maybe<boolean>;
}

export interface GroupConfig {
  readonly name: string;
  readonly gid?: Maybe<number>;
}

export interface SshKeyConfig {
  readonly user: string;
  readonly key: string;
}

export interface TimezoneConfig {
  readonly timezone?: Maybe<string>;
  readonly ntpservers?: Maybe<readonly string[]>;
}

export interface LocaleConfig {
  readonly languages?: Maybe<readonly string[]>;
  readonly keyboard?: Maybe<string>;
}

export interface KernelConfig {
  readonly name?: Maybe<string>;
  readonly append?: Maybe<string>;
}

export interface ServicesConfig {
  readonly enabled?: Maybe<readonly string[]>;
  readonly disabled?: Maybe<readonly string[]>;
  readonly masked?: Maybe<readonly string[]>;
}

export interface SshdConfig {
  readonly password_authentication?: Maybe<boolean>;
  readonly client_alive_interval?: Maybe<number>;
  readonly permit_root_login?: Maybe<boolean | 'yes' | 'no' | 'prohibit-password' | 'forced-commands-only'>;
  readonly kbd_interactive_authentication?: Maybe<boolean>;
}

export interface FirewallConfig {
  readonly enabled?: Maybe<boolean>;
  /** `443:tcp`, `8000-8010:udp` */
  readonly ports?: Maybe<readonly string[]>;
  readonly services?: Maybe<{
    readonly enabled?: Maybe<readonly string[]>;
    readonly disabled?: Maybe<readonly string[]>;
  }>;
  readonly trusted_interfaces?: Maybe<readonly string[]>;
  readonly zones?: Maybe<
    readonly { readonly name?: Maybe<string>; readonly sources?: Maybe<readonly string[]> }[]
  >;
}

export interface FileConfig {
  readonly path: string;
  readonly user?: Maybe<string | number>;
  readonly group?: Maybe<string | number>;
  readonly mode?: Maybe<string>;
  readonly data?: Maybe<string>;
  readonly data_base64?: Maybe<string>;
  readonly uri?: Maybe<string>;
}

export interface DirectoryConfig {
  readonly path: string;
  readonly user?: Maybe<string | number>;
  readonly group?: Maybe<string | number>;
  readonly mode?: Maybe<string>;
  readonly ensure_parents?: Maybe<boolean>;
}

/** How large something may become, in bytes. */
export interface SizingConfig {
  readonly minsize?: Maybe<number>;
  readonly min?: Maybe<number>;
  readonly size?: Maybe<number>;
  readonly max?: Maybe<number>;
  readonly percent?: Maybe<number>;
  readonly grow?: Maybe<boolean>;
}

export type FsType = 'ext4' | 'xfs' | 'btrfs' | 'vfat' | 'swap' | 'none';

export interface FileSystemConfig {
  readonly mountpoint?: Maybe<string>;
  readonly label?: Maybe<string>;
  readonly fs_type?: Maybe<FsType>;
  readonly mount_options?: Maybe<string>;
}

export interface EncryptionConfig {
  readonly passphrase?: Maybe<string>;
  readonly tpm2?: Maybe<boolean>;
  readonly recovery_key?: Maybe<boolean>;
}

export interface LogicalVolumeConfig extends SizingConfig, FileSystemConfig {
  readonly name?: Maybe<string>;
}

export interface PartitionConfig extends SizingConfig, FileSystemConfig {
  readonly type?: Maybe<'plain' | 'lvm' | 'btrfs' | 'raid'>;
  readonly part_type?: Maybe<string>;
  readonly part_label?: Maybe<string>;
  readonly part_uuid?: Maybe<string>;
  readonly name?: Maybe<string>;
  readonly logical_volumes?: Maybe<readonly LogicalVolumeConfig[]>;
  readonly subvolumes?: Maybe<readonly { readonly name: string; readonly mountpoint?: Maybe<string> }[]>;
  readonly encryption?: Maybe<EncryptionConfig>;
  readonly device?: Maybe<string>;
}

export interface RaidConfig extends FileSystemConfig {
  readonly name: string;
  readonly level: '0' | '1' | '4' | '5' | '6' | '10';
  readonly members: readonly string[];
  readonly spares?: Maybe<number>;
  readonly encryption?: Maybe<EncryptionConfig>;
}

export interface DiskConfig {
  readonly type?: Maybe<'gpt' | 'dos'>;
  readonly minsize?: Maybe<number>;
  readonly start_offset?: Maybe<number>;
  readonly sector_size?: Maybe<number>;
  readonly partitions?: Maybe<readonly PartitionConfig[]>;
  readonly raid?: Maybe<readonly RaidConfig[]>;
  readonly drives?: Maybe<readonly string[]>;
  readonly boot_drive?: Maybe<string>;
  readonly wipe?: Maybe<boolean>;
}

export interface FilesystemConfig {
  readonly mountpoint: string;
  readonly minsize?: Maybe<number>;
  readonly size?: Maybe<number>;
}

export interface InstallerConfig {
  readonly unattended?: Maybe<boolean>;
  readonly 'sudo-nopasswd'?: Maybe<readonly string[]>;
  readonly kickstart?: Maybe<{ readonly contents: string }>;
  readonly modules?: Maybe<{
    readonly enable?: Maybe<readonly string[]>;
    readonly disable?: Maybe<readonly string[]>;
  }>;
  readonly bootloader?: Maybe<{ readonly grub2?: Maybe<{ readonly 'menu-timeout'?: Maybe<number> }> }>;
  readonly payload?: Maybe<{ readonly flatpaks?: Maybe<readonly unknown[]> }>;
  readonly reboot?: Maybe<'reboot' | 'poweroff' | 'halt'>;
}

/** What a disk or an installed system becomes. */
export interface Customizations {
  readonly hostname?: Maybe<string>;
  readonly timezone?: Maybe<TimezoneConfig>;
  readonly locale?: Maybe<LocaleConfig>;
  readonly user?: Maybe<readonly UserConfig[]>;
  readonly group?: Maybe<readonly GroupConfig[]>;
  readonly sshkey?: Maybe<readonly SshKeyConfig[]>;
  readonly kernel?: Maybe<KernelConfig>;
  readonly services?: Maybe<ServicesConfig>;
  readonly sshd?: Maybe<SshdConfig>;
  readonly firewall?: Maybe<FirewallConfig>;
  readonly files?: Maybe<readonly FileConfig[]>;
  readonly directories?: Maybe<readonly DirectoryConfig[]>;
  readonly swap?: Maybe<{ readonly size: number }>;
  readonly disk?: Maybe<DiskConfig>;
  readonly filesystem?: Maybe<readonly FilesystemConfig[]>;
  readonly installer?: Maybe<InstallerConfig>;
}

/** A checked configuration. */
export interface ImageConfig {
  readonly name?: Maybe<string>;
  readonly customizations?: Maybe<Customizations>;
}
