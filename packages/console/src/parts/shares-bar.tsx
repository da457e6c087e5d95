import type { ReactNode } from 'react';

/** A part of a whole, with a colour of the theme. */
export interface Share {
  readonly name: string;
  readonly count: number;
  readonly tone: 'good' | 'busy' | 'warning' | 'bad' | 'idle';
}

/** A bar of shares and, in words, what they are: colour alone tells nothing to who cannot see it. */
export function SharesBar({
  shares,
  label,
}: {
  readonly shares: readonly Share[];
  readonly label: string;
}): ReactNode {
  const total = shares.reduce((sum, { count }) => sum + count, 0);
  const shown = shares.filter(({ count }) => count > 0);
  const words = shown.map(({ name, count }) => `${count} ${name}`).join(', ');
  return (
    <div>
      <div className="slipway-bar" role="img" aria-label={`${label}: ${words === '' ? 'none' : words}`}>
        {shown.map(({ name, count, tone }) => (
          <span
            key={name}
            className={`slipway-share slipway-${tone}`}
            style={{ width: `${(100 * count) / total}%` }}
            title={`${name}: ${count}`}
          />
        ))}
      </div>
      <div className="slipway-legend">
        {shown.map(({ name, count, tone }) => (
          <span key={name}>
            <i className={`slipway-dot slipway-${tone}`} aria-hidden="true" /> {count.toLocaleString('en')}{' '}
            {name}
          </span>
        ))}
      </div>
    </div>
  );
}
