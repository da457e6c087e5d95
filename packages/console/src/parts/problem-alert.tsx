import { Alert, List, ListItem } from '@patternfly/react-core';
import { FleetProblem } from '@slipway/fleet-api';
import type { ReactNode } from 'react';

/** A failure as the server told it: what happened, everything it found, what to do. */
export function ProblemAlert({ error }: { readonly error: Error | null }): ReactNode {
  if (error === null) return null;
  if (!(error instanceof FleetProblem)) {
    return (
      <Alert component="h2" variant="danger" isInline title="cannot reach the server">
        {error.message}
      </Alert>
    );
  }
  const { detail, hint, findings = [], code } = error.problem;
  return (
    <Alert component="h2" variant="danger" isInline title={detail}>
      {findings.length > 0 && (
        <List>
          {findings.map((finding) => (
            <ListItem key={finding}>{finding}</ListItem>
          ))}
        </List>
      )}
      {hint !== undefined && <p>{hint}</p>}
      <small>{code}</small>
    </Alert>
  );
}
