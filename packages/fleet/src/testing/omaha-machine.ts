import type { FleetSpec, ReleaseSpec, UpdatePayload } from '@slipway/fleet-api';
import { askRaw, type RawAnswer } from './compat-client.ts';
import { type CompatServer, HEADER } from './compat-server.ts';
import { until } from './until.ts';

export const APP: string = '{e96281a6-d1af-4bde-9a0a-97b76e56dc57}';
export const OLD: string = '4230.2.1';
export const NEW: string = '4230.2.2';

/** What update_engine 0.4.2 sends, attributes in its order. */
export function question(
  version: string,
  track: string,
  machine: string,
  event = 'eventtype="3" eventresult="2" previousversion=""',
): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.2" updaterversion="update_engine-0.4.2" installsource="scheduler" ismachine="1">
    <os version="Chateau" platform="CoreOS" sp="${version}_x86_64"></os>
    <app appid="${APP}" version="${version}" track="${track}" bootid="{7D52A1CC-0000}" oem="qemu" oemversion="" alephversion="4152.2.0" machineid="${machine}" machinealias="" lang="en-US" board="amd64-usr" hardware_class="" delta_okay="false" >
        <ping active="1"></ping>
        <updatecheck></updatecheck>
        <event ${event}></event>
    </app>
</request>
`;
}

/** What servers answer, with an update check; the white space between elements is for people. */
export function expected(elapsedSeconds: number, check: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<response protocol="3.0" server="slipway"><daystart elapsed_seconds="${elapsedSeconds}"/>
 <app appid="${APP}" status="ok"><ping status="ok"/><event status="ok"/>
  ${check}</app></response>`.replaceAll(/(?<=>)\n\s+(?=<)/g, '');
}

export const NO_UPDATE: string = '<updatecheck status="noupdate"/>';

export async function putRelease(
  { admin }: CompatServer,
  version: string,
  digit: number,
  payload: UpdatePayload,
  more: Partial<ReleaseSpec> = {},
): Promise<void> {
  const digests = [`sha256:${`${digit}`.repeat(64)}`] as const;
  const images = [{ architecture: 'amd64', reference: 'host/flatcar:stable', digests, payload }];
  const name = `flatcar-${digit}`;
  const body = {
    ...HEADER,
    kind: 'Release',
    metadata: { name },
    spec: { version, images, ...more },
  } as const;
  await admin.call('releases.put', { params: { name }, body });
}

/** Brings the fleet to a release and waits until its rollout, which has no devices, is over. */
export async function release(
  running: CompatServer,
  name: string,
  more: Partial<FleetSpec> = {},
): Promise<void> {
  const { admin, clock } = running;
  clock.ms += 1000;
  await running.putFleet('edge', { selector: '', release: name, ...more });
  const { status } = await admin.call('fleets.get', { params: { name: 'edge' } });
  await until(
    async () => await admin.call('rollouts.get', { params: { name: status.rollout ?? '' } }),
    (seen) => seen.status.state === 'succeeded',
  );
}

export async function ask({ server }: CompatServer, token: string, text: string): Promise<RawAnswer> {
  const path = `/compat/${token}/omaha/v1/update/`;
  return await askRaw(server, 'POST', path, { 'content-type': 'text/xml' }, text);
}
