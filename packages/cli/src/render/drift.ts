import type { EtcDifference, HostDrift } from '@slipway/host';

const SIGN: Readonly<Record<EtcDifference['change'], string>> = { added: '+', changed: '~', removed: '-' };

/** One line a difference, signs as bootc writes them: `~ /etc/ssh/sshd_config  content, mode 0600 -> 0644`. */
export function driftWords({ differences, transient }: HostDrift): readonly string[] {
  if (differences.length === 0) return ['/etc is as the image has it'];
  const note = transient ? ['/etc is in memory: these are gone with the next boot'] : [];
  const lines = differences.map((difference) => {
    const { path, change, aspects } = difference;
    const details = aspects.map((aspect) => detail(aspect, difference)).join(', ');
    return `${SIGN[change]} ${path}${details === '' ? '' : `  ${details}`}`;
  });
  return [...note, ...lines];
}

function detail(aspect: string, { image, here }: EtcDifference): string {
  if (image === null || here === null) return aspect;
  if (aspect === 'kind') return `${image.kind} -> ${here.kind}`;
  if (aspect === 'mode') return `mode ${image.mode} -> ${here.mode}`;
  if (aspect === 'owner') return `owner ${image.uid}:${image.gid} -> ${here.uid}:${here.gid}`;
  if (aspect === 'target') return `${image.target ?? ''} -> ${here.target ?? ''}`;
  return aspect;
}
