import {
  Button,
  Label,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadMain,
  MastheadToggle,
  Nav,
  NavItem,
  NavList,
  Page,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
  SkipToContent,
  Toolbar,
  ToolbarContent,
  ToolbarGroup,
  ToolbarItem,
} from '@patternfly/react-core';
import { BarsIcon, MoonIcon, SunIcon } from '@patternfly/react-icons';
import type { Permission } from '@slipway/fleet-api';
import { type ReactNode, useState } from 'react';
import { NavLink, useLocation } from 'react-router';
import { type Connection, useLiveUpdates } from '../api/live.ts';
import { useAction } from '../api/queries.ts';
import { useMay, useSession } from '../api/session.tsx';
import { storedTheme, storeTheme } from './theme.ts';

interface Place {
  readonly path: string;
  readonly title: string;
  readonly permission: Permission;
}

const PLACES: readonly Place[] = [
  { path: '/', title: 'Overview', permission: 'devices:read' },
  { path: '/devices', title: 'Devices', permission: 'devices:read' },
  { path: '/fleets', title: 'Fleets', permission: 'fleets:read' },
  { path: '/rollouts', title: 'Rollouts', permission: 'rollouts:read' },
  { path: '/releases', title: 'Releases', permission: 'releases:read' },
  { path: '/enrolments', title: 'Enrolment lobby', permission: 'enrolments:read' },
  { path: '/locks', title: 'Reboot locks', permission: 'locks:read' },
  { path: '/git-repositories', title: 'Git repositories', permission: 'git:read' },
  { path: '/webhooks', title: 'Webhooks', permission: 'webhooks:read' },
  { path: '/audit', title: 'Audit log', permission: 'audit:read' },
  { path: '/users', title: 'Users and access', permission: 'users:read' },
];

const MAIN = 'main';

/** What stays around every page: where to go, who is looking, whether what is shown is live. */
export function PageFrame({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <Page
      masthead={<TopBar />}
      sidebar={<SideBar />}
      isManagedSidebar
      mainContainerId={MAIN}
      skipToContent={<SkipToContent href={`#${MAIN}`}>Skip to content</SkipToContent>}
    >
      {children}
    </Page>
  );
}

function TopBar(): ReactNode {
  const { displayName, user, organisation } = useSession();
  const connection = useLiveUpdates();
  const end = useAction('sessions.end');
  return (
    <Masthead>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton variant="plain" aria-label="Navigation">
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <MastheadBrand>
          <span className="slipway-brand">Slipway fleet</span>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isStatic>
          <ToolbarContent>
            <ToolbarGroup align={{ default: 'alignEnd' }} gap={{ default: 'gapMd' }}>
              <ToolbarItem>
                <LiveLabel connection={connection} />
              </ToolbarItem>
              <ToolbarItem>
                <ThemeToggle />
              </ToolbarItem>
              <ToolbarItem>
                {displayName === '' ? user : displayName} · {organisation}
              </ToolbarItem>
              <ToolbarItem>
                <Button variant="link" onClick={() => end.mutate({})}>
                  Log out
                </Button>
              </ToolbarItem>
            </ToolbarGroup>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Masthead>
  );
}

function LiveLabel({ connection }: { readonly connection: Connection }): ReactNode {
  if (connection === 'live') return <Label color="green">live</Label>;
  if (connection === 'connecting') return <Label>connecting</Label>;
  return <Label color="orange">not live: reconnecting</Label>;
}

function ThemeToggle(): ReactNode {
  const [theme, setTheme] = useState(storedTheme);
  const other = theme === 'dark' ? 'light' : 'dark';
  const change = (): void => {
    storeTheme(other);
    setTheme(other);
  };
  return (
    <Button
      variant="plain"
      aria-label={`Use the ${other} theme`}
      onClick={change}
      icon={theme === 'dark' ? <SunIcon /> : <MoonIcon />}
    />
  );
}

function SideBar(): ReactNode {
  return (
    <PageSidebar>
      <PageSidebarBody>
        <Nav aria-label="Pages">
          <NavList>
            {PLACES.map((place) => (
              <NavigationItem key={place.path} {...place} />
            ))}
          </NavList>
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}

function NavigationItem({ path, title, permission }: Place): ReactNode {
  const { pathname } = useLocation();
  const isAllowed = useMay(permission);
  const isActive = path === '/' ? pathname === '/' : pathname.startsWith(path);
  if (!isAllowed) return null;
  return (
    <NavItem isActive={isActive} itemId={path}>
      <NavLink to={path}>{title}</NavLink>
    </NavItem>
  );
}
