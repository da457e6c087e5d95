import type { Permission, Session } from '@slipway/fleet-api';
import { createContext, type ReactNode, useContext } from 'react';

const SessionContext = createContext<Session | undefined>(undefined);

/** Says to everything inside who is looking. */
export function SessionProvider({
  session,
  children,
}: {
  readonly session: Session;
  readonly children: ReactNode;
}): ReactNode {
  return <SessionContext value={session}>{children}</SessionContext>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('internal error: nobody is logged in here');
  return session;
}

/** Whether who is looking may do something. The server decides; this only leaves out what it would refuse. */
export function useMay(permission: Permission): boolean {
  const { systemAdmin, permissions } = useSession();
  return systemAdmin || permissions.includes(permission);
}
