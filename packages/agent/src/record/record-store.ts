import { type AgentRecord, EMPTY_RECORD } from '../plan/situation.ts';

/** Where the record is kept. What was saved is there after a power cut. */
export interface RecordStore {
  load(): Promise<AgentRecord>;
  save(record: AgentRecord): Promise<void>;
}

/** For hosts that are played: a restart of theirs is none of this process. */
export function memoryRecordStore(): RecordStore {
  let kept = EMPTY_RECORD;
  return {
    load: async () => kept,
    save: async (record) => {
      kept = record;
    },
  };
}
