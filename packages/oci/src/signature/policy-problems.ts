/**
 * What is wrong with a policy beyond the types of its fields: which of them go together, and scopes. Looks at any JSON, so that it all
 * is said at once with what the grammar finds.
 */
import { scopeProblem } from './policy-scope.ts';

type Json = Readonly<Record<string, unknown>>;

/** One line each, starting with the path. */
export function policyProblems(policy: unknown): readonly string[] {
  if (!isObject(policy)) return [];
  const problems = requirementProblems(policy['default'], 'default');
  for (const [transport, scopes] of entriesOf(policy['transports'])) {
    for (const [scope, requirements] of entriesOf(scopes)) {
      const path = `transports.${transport}.${scope}`;
      const problem = scopeProblem(transport, scope);
      if (problem !== undefined) problems.push(`${path}: ${problem}`);
      problems.push(...requirementProblems(requirements, path));
    }
  }
  return problems;
}

function requirementProblems(requirements: unknown, path: string): string[] {
  if (!Array.isArray(requirements)) return [];
  return requirements.flatMap((requirement: unknown, index) => {
    if (!isObject(requirement)) return [];
    const problems = problemsOfOne(requirement);
    return problems.map((problem) => `${path}.${index}${problem}`);
  });
}

/** Each starts with what follows the path of the requirement. */
function problemsOfOne(requirement: Json): readonly string[] {
  if (requirement['type'] === 'signedBy')
    return exactlyOne(requirement, ['keyPath', 'keyPaths', 'keyData'], '');
  if (requirement['type'] !== 'sigstoreSigned') return [];
  const { fulcio, pki } = requirement;
  const hasLog = REKOR_KEYS.some((name) => requirement[name] !== undefined);
  const problems = [
    ...exactlyOne(requirement, ['keyPath', 'keyPaths', 'keyData', 'keyDatas', 'fulcio', 'pki'], ''),
    ...atMostOne(requirement, REKOR_KEYS, ''),
  ];
  if (isObject(fulcio)) {
    problems.push(...exactlyOne(fulcio, ['caPath', 'caData'], '.fulcio'));
    if (!hasLog) problems.push(`: has fulcio, so it needs one of ${REKOR_KEYS.join(', ')}`);
  }
  if (isObject(pki)) {
    problems.push(...exactlyOne(pki, ['caRootsPath', 'caRootsData'], '.pki'));
    problems.push(...atMostOne(pki, ['caIntermediatesPath', 'caIntermediatesData'], '.pki'));
    if (pki['subjectEmail'] === undefined && pki['subjectHostname'] === undefined) {
      problems.push('.pki: needs subjectEmail or subjectHostname');
    }
    if (hasLog) problems.push(': has pki, which is not used with a transparency log');
  }
  return problems;
}

const REKOR_KEYS = [
  'rekorPublicKeyPath',
  'rekorPublicKeyPaths',
  'rekorPublicKeyData',
  'rekorPublicKeyDatas',
] as const;

function exactlyOne(object: Json, names: readonly string[], path: string): readonly string[] {
  const isMissing = names.every((name) => object[name] === undefined);
  return isMissing ? [`${path}: needs one of ${names.join(', ')}`] : atMostOne(object, names, path);
}

function atMostOne(object: Json, names: readonly string[], path: string): readonly string[] {
  const given = names.filter((name) => object[name] !== undefined);
  return given.length > 1 ? [`${path}: has ${given.join(' and ')}, of which only one may be given`] : [];
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isObject(value) ? Object.entries(value) : [];
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
