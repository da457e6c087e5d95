/** A fact with its name. */
export type Fact = readonly [label: string, text: string];

/**
 * Facts under a heading, names right-aligned to it as `bootc status` does:
 *
 *     ● Booted image: registry.example/shop:v1
 *             Digest: sha256:…
 */
export function block(mark: string, [heading, first]: Fact, facts: readonly Fact[]): readonly string[] {
  const width = Math.max(heading.length, ...facts.map(([label]) => label.length));
  return [
    `${mark} ${heading.padStart(width)}: ${first}`,
    ...facts.map(([label, text]) => `  ${label.padStart(width)}: ${text}`),
  ];
}
