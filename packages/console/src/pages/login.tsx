import { ActionGroup, Button, Divider, Form, FormGroup, LoginPage, TextInput } from '@patternfly/react-core';
import { type ReactNode, useState } from 'react';
import { useAction, useCall } from '../api/queries.ts';
import { ProblemAlert } from '../parts/problem-alert.tsx';

/** The door. After it the address somebody came for is shown. */
export function LoginScreen(): ReactNode {
  const methods = useCall('sessions.methods', {});
  const oidc = methods.data?.oidc;
  return (
    <LoginPage loginTitle="Log in" loginSubtitle="Slipway fleet">
      <PasswordForm />
      {oidc !== null && oidc !== undefined && (
        <>
          <Divider />
          <Button variant="secondary" isBlock component="a" href={withReturn(oidc.url)}>
            Log in with {oidc.name}
          </Button>
        </>
      )}
    </LoginPage>
  );
}

function PasswordForm(): ReactNode {
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [organisation, setOrganisation] = useState('');
  const login = useAction('sessions.create');
  const send = (): void => {
    const where = organisation.trim() === '' ? {} : { organisation: organisation.trim() };
    login.mutate({ body: { user: user.trim(), password, ...where } });
  };
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <ProblemAlert error={login.error} />
      <FormGroup label="User" isRequired fieldId="user">
        <TextInput
          id="user"
          value={user}
          onChange={(_event, value) => setUser(value)}
          autoComplete="username"
          isRequired
        />
      </FormGroup>
      <FormGroup label="Password" isRequired fieldId="password">
        <TextInput
          id="password"
          type="password"
          value={password}
          onChange={(_event, value) => setPassword(value)}
          autoComplete="current-password"
          isRequired
        />
      </FormGroup>
      <FormGroup label="Organisation" fieldId="organisation">
        <TextInput
          id="organisation"
          value={organisation}
          onChange={(_event, value) => setOrganisation(value)}
          placeholder="default"
        />
      </FormGroup>
      <ActionGroup>
        <Button
          type="submit"
          variant="primary"
          isBlock
          isLoading={login.isPending}
          isDisabled={login.isPending}
        >
          Log in
        </Button>
      </ActionGroup>
    </Form>
  );
}

function withReturn(url: string): string {
  const back = encodeURIComponent(`${location.pathname}${location.search}`);
  return `${url}${url.includes('?') ? '&' : '?'}returnTo=${back}`;
}
