/** Top to bottom: a package may import only what stands below it. */
const ORDER = [
  'cli',
  'console',
  'fleet',
  'agent',
  'fleet-api',
  'install',
  'host',
  'vm',
  'build',
  'boot',
  'disk',
  'composefs',
  'registry',
  'oci',
  'linux',
  'core',
];

const upward = ORDER.map((name, index) => ({
  name: `${name}-imports-only-downwards`,
  comment: `${name} may import only: ${ORDER.slice(index + 1).join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^packages/${name}/` },
  to: { path: `^packages/(${ORDER.slice(0, index).join('|') || 'none'})/` },
}));

export default {
  forbidden: [
    ...upward,
    {
      name: 'no-circles',
      comment: 'A circle of imports hides which part rests on which.',
      severity: 'error',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'packages-by-their-front-door',
      comment: 'Another package is imported by its name, which means its index.ts.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/([^/]+)/src/', pathNot: ['^packages/$1/', '/src/index\\.ts$'] },
    },
    {
      name: 'only-linux-loads-native-code',
      comment: 'Native code stands in one package, so that every other is memory safe.',
      severity: 'error',
      from: { pathNot: '^packages/linux/' },
      to: { path: '\\.node$' },
    },
    {
      name: 'only-core-and-vm-start-programs',
      comment: 'One runner starts every program; vm holds the long-lived ones.',
      severity: 'error',
      from: { path: '^packages/', pathNot: ['^packages/(core|vm)/', '/testing/', '\\.test\\.ts$'] },
      to: { path: '^(node:)?child_process$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    exclude: { path: '^build/' },
  },
};
