/** What goes wrong with simulated devices. Shares are per cent of the devices; every device is drawn once, by the seed and its number. */
export interface FailureModel {
  /** Take ten times as long for everything. */
  readonly slowPercent: number;
  /** Lose one in five requests, and one in five downloads. */
  readonly flakyPercent: number;
  /** Do not come up with a new image, and go back by themselves. */
  readonly badImagePercent: number;
  /** Are switched off half of the time. */
  readonly offlinePercent: number;
  /** Clocks are wrong by up to so much, either way. */
  readonly clockSkewMs: number;
}

export const NO_FAILURES: FailureModel = {
  slowPercent: 0,
  flakyPercent: 0,
  badImagePercent: 0,
  offlinePercent: 0,
  clockSkewMs: 0,
};

/** What goes wrong with one device. */
export interface DeviceNature {
  readonly isSlow: boolean;
  readonly isFlaky: boolean;
  readonly failsNewImages: boolean;
  readonly isOftenOff: boolean;
  readonly clockSkewMs: number;
}

export function drawNature(model: FailureModel, random: () => number): DeviceNature {
  const draw = (percent: number): boolean => random() * 100 < percent;
  return {
    isSlow: draw(model.slowPercent),
    isFlaky: draw(model.flakyPercent),
    failsNewImages: draw(model.badImagePercent),
    isOftenOff: draw(model.offlinePercent),
    clockSkewMs: Math.round((random() * 2 - 1) * model.clockSkewMs),
  };
}
