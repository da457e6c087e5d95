import { expect, test } from 'vitest';
import { parseAgentConfig, readAgentConfig } from './agent-config.ts';

test('reads where to enrol, and as what', () => {
  const text =
    'server = "https://fleet.example:8443/"\ntoken = "t"\nauthority = "/etc/a.pem"\n[labels]\nsite = "berlin"\n';
  expect(parseAgentConfig(text, 'agent.toml')).toEqual({
    server: 'https://fleet.example:8443',
    token: 't',
    authority: '/etc/a.pem',
    organisation: undefined,
    ssh: false,
    deviceKey: 'auto',
    labels: { site: 'berlin' },
  });
});

test.each([
  ['no TOML', 'server ='],
  ['no server', 'token = "t"'],
  ['no https', 'server = "http://fleet.example"'],
  ['a path', 'server = "https://fleet.example/fleet"'],
  ['an unknown key', 'server = "https://fleet.example"\nserver-url = "x"'],
  ['a relative authority', 'server = "https://fleet.example"\nauthority = "a.pem"'],
  ['a place for keys that is none', 'server = "https://fleet.example"\ndevice-key = "usb"'],
  ['a label that is none', 'server = "https://fleet.example"\n[labels]\n"a b" = "x"'],
])('refuses %s, naming the file', (_what, text) => {
  expect(() => parseAgentConfig(text, '/etc/slipway/agent.toml')).toThrow(
    expect.objectContaining({
      code: 'AGENT_CONFIG_INVALID',
      message: expect.stringContaining('/etc/slipway/agent.toml') as string,
    }),
  );
});

test('says what to write where there is none', async () => {
  await expect(readAgentConfig('/nonexistent/agent.toml')).rejects.toMatchObject({
    code: 'AGENT_CONFIG_INVALID',
    hint: expect.stringContaining('server =') as string,
  });
});
