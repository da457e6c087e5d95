import { expect, test } from 'vitest';
import { type ClientRequest, FleetClient, FleetProblem } from './client.ts';

function clientOf(
  status: number,
  text: string,
): { readonly client: FleetClient; readonly asked: ClientRequest[] } {
  const asked: ClientRequest[] = [];
  const client = new FleetClient({
    url: 'https://fleet.example',
    headers: () => ({ authorization: 'Bearer secret' }),
    transport: async (request) => {
      asked.push(request);
      return { status, etag: '"3"', text: async () => text };
    },
  });
  return { client, asked };
}

test('fills path, query, body and headers from the route table', async () => {
  const { client, asked } = clientOf(200, '{"items":[],"nextCursor":null,"total":0}');
  await client.call('devices.list', { query: { selector: 'site=berlin', limit: 5 } });
  expect(asked[0]).toMatchObject({
    method: 'GET',
    url: 'https://fleet.example/api/v1/devices?selector=site%3Dberlin&limit=5',
    headers: { authorization: 'Bearer secret' },
    body: undefined,
  });
});

test('a name cannot leave its place in the path', async () => {
  const { client, asked } = clientOf(204, '');
  await client.call('fleets.delete', { params: { name: '../users/anna' }, ifMatch: '"2"' });
  expect(asked[0]).toMatchObject({
    method: 'DELETE',
    url: 'https://fleet.example/api/v1/fleets/..%2Fusers%2Fanna',
    headers: { 'if-match': '"2"' },
  });
});

test('a refusal is thrown as the server told it', async () => {
  const problem = {
    type: 'about:blank',
    title: 'x',
    status: 404,
    detail: 'cannot find fleet a',
    code: 'FLEET_NOT_FOUND',
  };
  const { client } = clientOf(404, JSON.stringify(problem));
  await expect(client.call('fleets.get', { params: { name: 'a' } })).rejects.toEqual(
    new FleetProblem(problem),
  );
});

test('an answer that is no problem document is one all the same', async () => {
  const { client } = clientOf(502, '<html>bad gateway</html>');
  await expect(client.call('overview.get', {})).rejects.toMatchObject({ problem: { status: 502 } });
});
