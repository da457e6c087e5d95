import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allRoutes } from '@slipway/fleet-api';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseCommandLine } from '../command/parser.ts';
import { COMMAND_TABLE } from '../command/table.ts';

const EXAMPLES = join(import.meta.dirname, '../../../../examples/fleet');
const STATE = '/var/lib/slipway-fleet';

type Labels = Readonly<Record<string, string>>;

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string; readonly scheme: string };
}

interface Container {
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Workload {
  readonly kind: string;
  readonly spec: {
    readonly replicas: number;
    readonly selector: { readonly matchLabels: Labels };
    readonly template: {
      readonly metadata: { readonly labels: Labels };
      readonly spec: {
        readonly securityContext: object;
        readonly containers: readonly Container[];
        readonly volumes: readonly { readonly name: string }[];
      };
    };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

interface Service {
  readonly kind: string;
  readonly spec: {
    readonly selector: Labels;
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
  };
}

/** The objects of a file, each mistake of YAML an error. */
function objectsOf(name: string): readonly { readonly kind: string }[] {
  const documents = parseAllDocuments(readFileSync(join(EXAMPLES, name), 'utf8'), { strict: true });
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as { readonly kind: string };
  });
}

function inputOf(args: readonly string[], env: Readonly<Record<string, string>> = {}): object {
  const parsed = parseCommandLine(args, COMMAND_TABLE, { program: 'slipway', env, widthColumns: 80 });
  if (parsed.kind !== 'command') throw new Error('it is no command');
  expect(parsed.spec.path).toEqual(['fleet', 'serve']);
  return parsed.input;
}

describe.each([
  { name: 'kubernetes.yaml', kind: 'StatefulSet', registry: true },
  { name: 'kubernetes-postgresql.yaml', kind: 'Deployment', registry: false },
])('$name', ({ name, kind, registry }) => {
  const objects = objectsOf(name);
  const workload = objects.find((each) => each.kind === kind) as Workload;
  const service = objects.find((each) => each.kind === 'Service') as Service;
  const { template, selector, replicas, volumeClaimTemplates = [] } = workload.spec;
  const [container] = template.spec.containers;
  if (container === undefined) throw new Error('there is no container');

  test('runs a command there is, which listens where it is asked', () => {
    const env = Object.fromEntries(
      (container.env ?? []).map(({ name: variable }) => [variable, 'postgres://db']),
    );
    expect(inputOf(container.args, env)).toMatchObject({
      root: STATE,
      listen: { host: '0.0.0.0', port: container.ports[0]?.containerPort },
      registry,
      database: registry ? undefined : 'postgres://db',
    });
    const open = allRoutes().filter(({ access }) => access.kind === 'public');
    for (const { httpGet } of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect(open.map(({ path }) => path)).toContain(httpGet.path);
      expect([httpGet.port, httpGet.scheme]).toEqual([container.ports[0]?.name, 'HTTPS']);
    }
  });

  test('its parts find each other', () => {
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    expect(template.metadata.labels).toMatchObject(service.spec.selector);
    expect(service.spec.ports[0]?.targetPort).toBe(container.ports[0]?.name);
    const volumes = [
      ...template.spec.volumes.map((volume) => volume.name),
      ...volumeClaimTemplates.map(({ metadata }) => metadata.name),
    ];
    expect(container.volumeMounts.map((mount) => mount.name).toSorted()).toEqual(volumes.toSorted());
    expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toEqual([STATE, '/tmp']);
  });

  test('has no rights, and one writer where there is one file', () => {
    expect(template.spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65_532 });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(replicas === 1).toBe(registry);
  });
});

test('the image starts what the manifests start, as nobody', () => {
  const lines = readFileSync(join(EXAMPLES, 'Containerfile'), 'utf8').split('\n');
  const valueOf = (instruction: string): string =>
    lines.find((line) => line.startsWith(`${instruction} `))?.slice(instruction.length + 1) ?? '';
  expect(JSON.parse(valueOf('ENTRYPOINT'))).toEqual(['/usr/bin/slipway']);
  expect(inputOf(JSON.parse(valueOf('CMD')) as string[])).toMatchObject({
    root: valueOf('VOLUME'),
    listen: { host: '0.0.0.0', port: Number(valueOf('EXPOSE')) },
  });
  expect(valueOf('USER')).toBe('65532:65532');
});
