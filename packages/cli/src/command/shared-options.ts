import {
  choice,
  choiceOr,
  type DefaultedValue,
  type FlagOption,
  flag,
  type ListOption,
  list,
  type OptionalValue,
  parsedValue,
  value,
} from './option.ts';
import { wholeNumber } from './values.ts';

/** `--json`, the same on every command that reads. */
export const JSON_OPTION: FlagOption = flag('print the answer as JSON');

/** `--arch`, as container tools write it. */
export const ARCH_OPTION: OptionalValue<'amd64' | 'arm64'> = choice(
  ['amd64', 'arm64'],
  "architecture of the image; this machine's unless given",
);

/** `--cache`. */
export const CACHE_OPTION: OptionalValue<string> = value(
  'DIR',
  "where layers and files are kept between calls; the user's cache unless given",
  { completion: 'directory', env: 'SLIPWAY_CACHE' },
);

/** `--etc-policy`. */
export const ETC_POLICY_OPTION: DefaultedValue<'ours' | 'theirs' | 'fail'> = choiceOr(
  'ours',
  ['ours', 'theirs', 'fail'],
  'whose file counts where this machine and the image changed the same one in /etc',
);

/** `--source-date-epoch`, as reproducible-builds.org specifies it. */
export const EPOCH_OPTION: OptionalValue<number> = parsedValue(
  wholeNumber(0, 999_999_999_999),
  'SECONDS',
  'time of everything new in the image, seconds since 1970; the same inputs then give the same digest',
  { env: 'SOURCE_DATE_EPOCH' },
);

/** `--karg`, one argument each time. */
export const KARG_OPTION: ListOption<string> = list(
  'ARGUMENT',
  'kernel argument added to those of the image, such as console=ttyS0',
);

/** `--progress-fd`, the protocol of bootc. */
export const PROGRESS_FD_OPTION: OptionalValue<number> = parsedValue(
  wholeNumber(0, 1_000_000),
  'FD',
  'write progress as JSON lines (the protocol of bootc) to this open file descriptor, 3 or above',
);

/** `--signature-policy`, as podman names it. */
export const SIGNATURE_POLICY_OPTION: OptionalValue<string> = value(
  'FILE',
  "whose signatures an image needs (containers-policy.json(5)); this machine's policy.json unless given",
  { completion: 'file' },
);

/** `--soft-reboot`, as bootc has it. */
export const SOFT_REBOOT_OPTION: OptionalValue<'required' | 'auto' | 'never'> = choice(
  ['required', 'auto', 'never'],
  'with --apply: start only userspace anew where the kernel stays the same (auto), do nothing else (required), or always reboot in full (never, the default)',
);
