/** How a running command is told to stop. */
export interface Cancellation {
  readonly signal: AbortSignal;
}

/** Why the process was asked to stop; the reason of the AbortSignal. */
export interface StopRequest {
  readonly signalName: 'SIGINT' | 'SIGTERM' | 'SIGHUP';
  /** 128 plus the number of the signal, as a shell reports it. */
  readonly exitCode: 130 | 143 | 129;
}

const REQUESTS: readonly StopRequest[] = [
  { signalName: 'SIGINT', exitCode: 130 },
  { signalName: 'SIGTERM', exitCode: 143 },
  { signalName: 'SIGHUP', exitCode: 129 },
];

class StopError extends Error {
  override readonly name = 'AbortError';
  readonly request: StopRequest;

  constructor(request: StopRequest) {
    super(`stopped by ${request.signalName}`);
    this.request = request;
  }
}

/**
 * Turns the signals of the process into one AbortSignal. The second one ends the process at once: whoever
 * presses Ctrl-C twice does not want to wait for tidying up, and every step survives being killed anyway.
 */
export function cancelOnSignals(): Cancellation {
  const controller = new AbortController();
  for (const request of REQUESTS) {
    process.on(request.signalName, () => {
      if (controller.signal.aborted) process.exit(request.exitCode);
      controller.abort(new StopError(request));
    });
  }
  return { signal: controller.signal };
}

/** The request that stopped a command, if one did. */
export function stoppedBy(cancellation: Cancellation): StopRequest | undefined {
  const reason: unknown = cancellation.signal.reason;
  return reason instanceof StopError ? reason.request : undefined;
}
