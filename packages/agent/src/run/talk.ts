import { type Clock, type Logger, messageOf } from '@slipway/core';
import type { CheckIn, CheckInAnswer } from '@slipway/fleet-api';
import type { FleetLink } from '../protocol/fleet-link.ts';
import { Bell } from './bell.ts';
import type { TaggedReport } from './report.ts';
import { backOff, spread } from './waiting.ts';

/** Between two questions that the server should have let wait, and did not. */
const SHORTEST_MS = 1000;
const LONGEST_WAIT_SECONDS = 300;
const FIRST_INTERVAL_SECONDS = 60;

export interface TalkOptions {
  readonly link: Pick<FleetLink, 'checkIn' | 'renew'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Let the server answer when it has something new, instead of asking from time to time. */
  readonly longPoll: boolean;
  readonly random: () => number;
  /** Rings when there is something to tell. */
  readonly news: Bell;
  readonly report: () => TaggedReport;
  /** An answer itself is waited for: it must not be let wait. */
  readonly isUrgent: () => boolean;
  readonly onAnswer: (answer: CheckInAnswer, startedMs: number) => void;
  readonly onFailure?: () => void;
}

/** The talk of a device with its server, for ever: news at once, else at the server's interval; a dead network is tried more and more rarely. */
export class Talk {
  readonly #options: TalkOptions;
  /** Nobody rings it. */
  readonly #silence = new Bell();
  #desiredTag: string | undefined;
  #knownTag: string | undefined;
  #failures = 0;
  #intervalSeconds = FIRST_INTERVAL_SECONDS;

  constructor(options: TalkOptions) {
    this.#options = options;
  }

  /** Whether the server has this report. */
  knows(tag: string): boolean {
    return this.#knownTag === tag;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { news } = this.#options;
    while (!signal.aborted) {
      news.reset();
      const restMs = await this.#turn(AbortSignal.any([signal, news.signal]));
      // No news make a dead network answer.
      const waker = this.#failures > 0 ? this.#silence : news;
      await waker.wait(restMs, signal);
    }
  }

  /** One check-in. Milliseconds until the next. */
  async #turn(signal: AbortSignal): Promise<number> {
    const { clock, log, random, onFailure } = this.#options;
    try {
      const restMs = await this.#checkIn(signal);
      this.#failures = 0;
      return restMs;
    } catch (thrown) {
      // News, or the end.
      if (signal.aborted) return 0;
      this.#failures += 1;
      onFailure?.();
      const restMs = backOff(this.#failures, random());
      const words = { reason: messageOf(thrown), nextTryAt: new Date(clock.nowMs() + restMs).toISOString() };
      log.warn('the fleet cannot be reached', words);
      return restMs;
    }
  }

  async #checkIn(signal: AbortSignal): Promise<number> {
    const { link, clock, report, onAnswer, random, longPoll, isUrgent } = this.#options;
    const startedMs = clock.nowMs();
    const { tag, report: said } = report();
    const isKnown = tag === this.#knownTag;
    const waitSeconds = longPoll && isKnown && !isUrgent() ? this.#waitSeconds() : 0;
    const body: CheckIn = {
      reportTag: tag,
      ...(isKnown ? {} : { report: said }),
      ...(this.#desiredTag === undefined ? {} : { desiredTag: this.#desiredTag }),
      ...(waitSeconds === 0 ? {} : { waitSeconds }),
    };
    const answer = await link.checkIn(body, signal);
    this.#knownTag = answer.reportWanted ? undefined : tag;
    this.#desiredTag = answer.desiredTag;
    this.#intervalSeconds = answer.intervalSeconds;
    onAnswer(answer, startedMs);
    if (answer.renewCertificate) await link.renew(signal);
    if (answer.reportWanted) return 0;
    if (longPoll && !isKnown) return 0;
    if (longPoll) return Math.max(0, SHORTEST_MS - (clock.nowMs() - startedMs));
    return spread(answer.intervalSeconds * 1000, random());
  }

  #waitSeconds(): number {
    const seconds = spread(this.#intervalSeconds * 1000, this.#options.random()) / 1000;
    return Math.max(1, Math.min(LONGEST_WAIT_SECONDS, Math.floor(seconds)));
  }
}
