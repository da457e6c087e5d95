import { Label, LabelGroup } from '@patternfly/react-core';
import type { ReactNode } from 'react';

/** Labels of something, as `name=value`. */
export function Labels({ labels }: { readonly labels: Readonly<Record<string, string>> }): ReactNode {
  const entries = Object.entries(labels);
  if (entries.length === 0) return <span className="slipway-quiet">none</span>;
  return (
    <LabelGroup numLabels={6} aria-label="Labels">
      {entries.map(([name, value]) => (
        <Label key={name} isCompact variant="outline">
          {value === '' ? name : `${name}=${value}`}
        </Label>
      ))}
    </LabelGroup>
  );
}
