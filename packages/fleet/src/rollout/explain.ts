import type { Explanation, ExplanationCode } from './types/decision.ts';

const SENTENCES: { readonly [Code in ExplanationCode]: (why: Explanation<Code>) => string } = {
  'up-to-date': () => 'runs the release',
  updated: ({ sinceMs }) => `runs the release since ${iso(sinceMs)}`,
  downloading: ({ sinceMs }) => `was told to download at ${iso(sinceMs)}`,
  applying: ({ sinceMs }) => `was told to restart at ${iso(sinceMs)}`,
  proving: ({ untilMs }) => `runs the new image and must stay healthy until ${iso(untilMs)}`,
  unhealthy: ({ sinceMs }) => `restarted and is not healthy; it was told at ${iso(sinceMs)}`,
  failed: ({ sinceMs, reason }) => `failed at ${iso(sinceMs)}: ${reason}`,
  cancelled: ({ sinceMs }) => `its order was taken back at ${iso(sinceMs)}`,
  reverting: ({ sinceMs }) => `was told to go back at ${iso(sinceMs)}`,
  reverted: ({ sinceMs }) => `went back at ${iso(sinceMs)}`,
  paused: () => 'the rollout is paused',
  halted: ({ reason }) => `the rollout is halted: ${reason}`,
  aborted: () => 'the rollout was aborted',
  'rolling-back': () => 'the rollout is rolled back; this device was not updated',
  batch: ({ batch, after }) => `batch ${batch} begins after batch ${after}`,
  soak: ({ batch, untilMs }) => `batch ${batch} is watched until ${iso(untilMs)}`,
  approval: ({ batch }) => `somebody must approve batch ${batch}`,
  alert: ({ alert }) => `the alert ${alert} fires`,
  'download-window': ({ opensMs }) => `may download ${opening(opensMs)}`,
  'apply-window': ({ opensMs }) => `is downloaded and may restart ${opening(opensMs)}`,
  'first-alone': ({ first }) => `the first device must succeed alone${first === '' ? '' : `: ${first}`}`,
  // Sentences are stored for every device: numbers that change with every step would have all of them written again.
  'over-time': () => 'its turn comes with time: the share of devices that may be updated by now is used up',
  concurrency: ({ limit }) => `${limit} devices are under way, and no more may be`,
  rate: ({ nextMs }) => `enough devices restarted of late; the next may at ${iso(nextMs)}`,
  'disruption-budget': ({ group, size }) =>
    `as many of the ${size} devices ${group === '' ? '' : `with ${group} `}are away as may be at once`,
  bandwidth: ({ downloads }) => `${downloads} devices download, and share all the bandwidth there is for it`,
  offline: () => 'was not heard of for a while; it is told when it is back',
  held: ({ reason, untilMs }) =>
    `held by a person${untilMs === undefined ? '' : ` until ${iso(untilMs)}`}: ${reason}`,
  decommissioned: () => 'is no longer part of the fleet',
  'no-digest': () => 'never said which image it runs',
  'unknown-digest': ({ digest }) =>
    `runs ${digest}, which belongs to no known release: add the digest to the release it is`,
  denied: ({ digest }) => `${digest} failed and is denied`,
  'unknown-target': ({ version }) => `there is no release ${version}`,
  newer: ({ version }) => `runs ${version}, which is newer`,
  'dead-end': ({ version, reason }) => `no update leads out of ${version}: ${reason}`,
  'no-image': ({ version, architecture }) => `release ${version} has no image for ${architecture}`,
  risk: ({ risks }) =>
    `a known problem hits this device: ${risks.map(({ name, message }) => `${name} (${message})`).join(', ')}`,
};

/** The one sentence for people that answers "why is this device not up to date?", or says that it is. */
export function explain<Code extends ExplanationCode>(why: Explanation<Code>): string {
  const sentence = SENTENCES[why.code] as (why: Explanation<Code>) => string;
  return sentence(why);
}

function opening(opensMs: number | undefined): string {
  return opensMs === undefined ? 'never: no window opens again' : `when its window opens at ${iso(opensMs)}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
