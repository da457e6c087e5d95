import type { ReactNode } from 'react';

const SHOWN = 'sha256:'.length + 12;

/** The beginning of a digest; all of it when pointed at. */
export function DigestText({ digest }: { readonly digest: string | null | undefined }): ReactNode {
  if (digest === null || digest === undefined) return <span className="slipway-quiet">none</span>;
  return (
    <code title={digest} className="slipway-digest">
      {digest.slice(0, SHOWN)}
    </code>
  );
}
