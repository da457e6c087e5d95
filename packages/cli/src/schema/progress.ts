/** A JSON schema as data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
const TEXT: JsonSchema = { type: 'string' };

const SHARED: JsonSchema = {
  task: { ...TEXT, description: 'what kind of work: pulling, staging' },
  description: { ...TEXT, description: 'the work in words' },
  id: { ...TEXT, description: 'the same from first to last report of one piece of work' },
  stepsCached: { ...COUNT, description: 'steps that did not have to be done' },
  steps: { ...COUNT, description: 'steps done' },
  stepsTotal: { ...COUNT, description: 'steps in all' },
};

/** One line of `--progress-fd`, protocol 0.1.0. */
export const PROGRESS_SCHEMA: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Event',
  description: 'one line of --progress-fd; readers pass over types and fields they do not know',
  oneOf: [
    variant('Start', 'the first line', { version: { ...TEXT, description: 'version of the protocol' } }),
    variant('ProgressBytes', 'work counted in bytes', {
      ...SHARED,
      bytesCached: { ...COUNT, description: 'bytes that were here already' },
      bytes: { ...COUNT, description: 'bytes fetched' },
      bytesTotal: { ...COUNT, description: 'bytes in all' },
      subtasks: subtasks({ bytesCached: COUNT, bytes: COUNT, bytesTotal: COUNT }),
    }),
    variant('ProgressSteps', 'work counted in steps', {
      ...SHARED,
      subtasks: subtasks({ completed: { type: 'boolean' } }),
    }),
  ],
};

function variant(type: string, description: string, properties: JsonSchema): JsonSchema {
  return {
    type: 'object',
    description,
    properties: { type: { const: type }, ...properties },
    required: ['type', ...Object.keys(properties)],
  };
}

function subtasks(counts: JsonSchema): JsonSchema {
  const properties = { subtask: TEXT, description: TEXT, id: TEXT, ...counts };
  return { type: 'array', items: { type: 'object', properties, required: Object.keys(properties) } };
}
